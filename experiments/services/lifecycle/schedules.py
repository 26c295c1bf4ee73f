"""Scheduled changes of experiments, run every minute: starts, ends and steps of ramps."""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from experiments.models import Experiment
from experiments.selectors import lifecycle
from experiments.services.lifecycle.change_log import Kind, Occasion, record
from experiments.services.lifecycle.ramps import advance_ramp, ramps_due
from experiments.services.lifecycle.readiness import CannotStartError
from experiments.services.lifecycle.traffic_allocation import CannotChangeError
from experiments.services.lifecycle.transitions import start_experiment, stop_experiment

logger = logging.getLogger(__name__)


class CannotScheduleError(ValueError):
    """A planned time that contradicts the other or lies in the past; `field` is its name."""

    def __init__(self, field: str, fault: str) -> None:
        super().__init__(f"{field}: {fault}")
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Tended:
    """Keys of the experiments that changed."""

    started: tuple[str, ...]
    not_started: tuple[str, ...]
    ramped: tuple[str, ...]
    stopped: tuple[str, ...]


def tend_experiments(*, now: datetime) -> Tended:
    """Run due changes. An experiment that fails does not hold up the others."""
    drafts = list(lifecycle.drafts_to_start(now=now))
    started = [row.key for row in drafts if _start(row, now)]
    return Tended(
        started=tuple(started),
        not_started=tuple(row.key for row in drafts if row.key not in started),
        ramped=tuple(row.key for row in ramps_due(now) if _advance(row, now)),
        stopped=tuple(
            row.key
            for row in lifecycle.experiments_to_stop(now=now)
            if stop_experiment(experiment=row, now=now)
        ),
    )


def set_schedule(
    *,
    experiment: Experiment,
    starts_at: datetime | None,
    ends_at: datetime | None,
    occasion: Occasion,
) -> bool:
    """Plan the start of a draft and the end of an experiment; return False if it has ended.

    Raises:
        CannotScheduleError: If the start of a draft is changed to a moment that is over, or the end
            does not come after the start and after now.
    """
    is_draft = experiment.status == Experiment.Status.DRAFT
    if is_draft and moment_is_over(starts_at, kept=experiment.starts_at, now=occasion.now):
        raise CannotScheduleError("starts_at", f"{starts_at} is over")
    begin = starts_at if is_draft else occasion.now
    if ends_at is not None and ends_at <= (begin or occasion.now):
        raise CannotScheduleError(
            "ends_at", f"{ends_at} does not come after the start and after now"
        )
    with transaction.atomic():
        rows = Experiment.objects.filter(pk=experiment.pk, status__in=Experiment.OPEN_STATUSES)
        planned = rows.update(starts_at=starts_at, ends_at=ends_at)
        if planned:
            record(experiment, Kind.SCHEDULE, occasion)
    experiment.refresh_from_db(fields=["starts_at", "ends_at"])
    return planned == 1


def moment_is_over(planned: datetime | None, *, kept: datetime | None, now: datetime) -> bool:
    """Return whether a planned start or end is another than the kept one, and lies in the past."""
    return planned is not None and planned != kept and planned <= now


def _start(draft: Experiment, now: datetime) -> bool:
    try:
        return start_experiment(experiment=draft, now=now)
    except CannotStartError as error:
        logger.warning("experiment %s did not start as planned: %s", draft.key, error)
        # Once: its owner reads why, and plans it again.
        with transaction.atomic():
            Experiment.objects.filter(pk=draft.pk).update(starts_at=None)
            record(draft, Kind.SCHEDULE, Occasion(now=now, note=str(error)))
        return False


def _advance(experiment: Experiment, now: datetime) -> bool:
    try:
        return advance_ramp(experiment=experiment, now=now)
    except CannotChangeError:
        logger.exception("The ramp of experiment %s cannot go on.", experiment.key)
        return False
