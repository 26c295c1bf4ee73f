"""Query of an event table for one experiment, given by keys instead of database rows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from experiments.event_schema.calendar_days import Offset

# Of an experiment whose days are those of UTC.
NO_OFFSETS = (Offset(since=None, shift=timedelta(0)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentQuery:
    """The experiment whose sums are wanted.

    `metric` is that of `Experiment.Metric`, such as `value_per_click`; conversions count for
    `window_hours` after the first exposure, and until `stopped_at`, if that is given.
    `guardrail_goals` are counted beside the own `goal`, and the currencies of `value_goals`. What
    a visitor is worth towards the own goal counts up to `value_cap`. `offsets` are those of the
    time zone of its days, in order.
    """

    site: str
    experiment: str
    metric: str
    goal: str = ""
    guardrail_goals: tuple[str, ...] = ()
    value_goals: tuple[str, ...] = ()
    value_cap: Decimal | None = None
    window_hours: int = 72
    stopped_at: datetime | None = None
    offsets: tuple[Offset, ...] = NO_OFFSETS
