"""Hours since the last exposure of a running experiment: a page may have lost its snippet."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from experiments.event_schema.calendar_days import beginning_of, calendar_day
from experiments.event_schema.ids import first_id_at
from experiments.models import Experiment, Rollup
from experiments.selectors.events import newest_exposure

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# The newest exposure is found at once; without one, all events of these days are read.
SEARCHED = timedelta(days=2)


def silent_hours(
    experiment: Experiment, rollups: Sequence[Rollup], *, now: datetime
) -> float | None:
    """Return the hours without an exposure; None unless this service is running the experiment.

    The rollups hold the day of the last new visitor. If that is today, the hours since midnight
    are returned: as many or more. Otherwise, and in the last hour of a day of 25 hours, one query
    finds the hour.
    """
    started = experiment.started_at
    is_live = experiment.origin == Experiment.Origin.LIVE
    if experiment.status != Experiment.Status.RUNNING or not is_live or started is None:
        return None
    zone = experiment.zone_of_days
    last_day = max((row.day for row in rollups), default=None)
    if last_day is None:
        last_sign = started
    elif last_day >= calendar_day(now, zone) and now - beginning_of(last_day, zone) < DAY:
        last_sign = beginning_of(last_day, zone)
    else:
        last_day_over = beginning_of(last_day + DAY, zone)
        last_sign = max(_last_sign(experiment, last_day_over, now), started)
    return max((now - last_sign) / HOUR, 0.0)


def _last_sign(experiment: Experiment, last_day_over: datetime, now: datetime) -> datetime:
    """Return when an exposure last came, or the end of a pause, in which none is to come."""
    exposed_at, resumed_at = newest_exposure(experiment, first=first_id_at(now - SEARCHED))
    # An event that was dropped, or lies in a warehouse, came before its day's end.
    exposed_at = exposed_at or last_day_over
    return max(exposed_at, resumed_at or exposed_at)
