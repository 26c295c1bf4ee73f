"""The end of the wizard: what was typed becomes one experiment, however often it is sent."""

from enum import StrEnum

from django.db import transaction

from experiments.models import Experiment, TypedExperiment
from experiments.services.drafting.building import Choices, build_experiment
from experiments.services.drafting.checks import blocking_faults
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.readiness import CannotStartError
from experiments.services.lifecycle.schedules import set_schedule
from experiments.services.lifecycle.transitions import start_experiment


class Way(StrEnum):
    """Ways on from the wizard; the values of its buttons."""

    START = "start"
    SCHEDULE = "schedule"
    KEEP = "keep"


@transaction.atomic
def finish(*, typed: TypedExperiment, choices: Choices, way: Way, occasion: Occasion) -> Experiment:
    """Make the experiment, and start or plan it; return the one of the first click if there is one.

    Either all of it is stored or nothing.

    Raises:
        CannotSaveError: If what was chosen breaks a rule of the models.
        CannotStartError: If something would spoil the test; with the reasons.
        CannotScheduleError: If the planned end does not come after the start and after now.
    """
    # The UPDATE is the lock: a second click waits here, and then finds the experiment.
    rows = TypedExperiment.objects.filter(pk=typed.pk)
    if not rows.filter(experiment=None).update(updated_at=occasion.now):
        made = rows.select_related("experiment").get().experiment
        assert made is not None  # noqa: S101  # Only rows with one were left out.
        return made
    draft = build_experiment(choices, now=occasion.now)
    rows.update(experiment=draft)
    if way is Way.KEEP:
        return draft
    faults = blocking_faults(draft, choices)
    if faults:
        raise CannotStartError(faults)
    if way is Way.SCHEDULE:
        set_schedule(
            experiment=draft,
            starts_at=choices.starts_at,
            ends_at=choices.ends_at,
            occasion=occasion,
        )
    else:
        start_experiment(experiment=draft, now=occasion.now, author=occasion.author)
    return draft
