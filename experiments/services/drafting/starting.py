"""The end of the wizard: what was typed becomes one experiment, however often it is sent."""

from enum import StrEnum

from django.db import transaction

from experiments.models import CTA, Experiment, TypedExperiment
from experiments.services.drafting.building import Choices, build_experiment
from experiments.services.drafting.checks import blocking_faults
from experiments.services.edits import edit_log
from experiments.services.lifecycle.approvals import ask_approval
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.readiness import CannotStartError
from experiments.services.lifecycle.schedules import set_schedule
from experiments.services.lifecycle.transitions import start_experiment


class Way(StrEnum):
    """Ways on from the wizard; the values of its buttons."""

    START = "start"
    SCHEDULE = "schedule"
    KEEP = "keep"
    ASK = "ask"


@transaction.atomic
def finish(*, typed: TypedExperiment, choices: Choices, way: Way, occasion: Occasion) -> Experiment:
    """Make the experiment; start, plan, keep it or ask for its approval, as `way` asks.

    A second click returns the experiment of the first.

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
    draft = _built(choices, occasion)
    rows.update(experiment=draft)
    if way is Way.KEEP:
        return draft
    faults = blocking_faults(draft, choices)
    if faults:
        raise CannotStartError(faults)
    if way is Way.ASK:
        ask_approval(experiment=draft, occasion=occasion)
    elif way is Way.SCHEDULE:
        set_schedule(
            experiment=draft,
            starts_at=choices.starts_at,
            ends_at=choices.ends_at,
            occasion=occasion,
        )
    else:
        start_experiment(experiment=draft, now=occasion.now, author=occasion.author)
    return draft


def _built(choices: Choices, occasion: Occasion) -> Experiment:
    """Make the draft, and log it with the CTAs and the audience that are made with it."""
    known = set(CTA.objects.filter(site=choices.slot.site_id).values_list("pk", flat=True))
    draft = build_experiment(choices, now=occasion.now)
    draft.owner = occasion.author
    draft.save(update_fields=["owner"])
    ctas = [arm.cta for arm in draft.variants.select_related("cta") if arm.cta_id not in known]
    audiences = [draft.audience] if choices.new_audience and draft.audience else []
    way = edit_log.Way.WIZARD
    by = edit_log.Author(now=occasion.now, person=occasion.author, way=way)
    for row in (draft, *ctas, *audiences):
        edit_log.log_edit(row, before=[], by=by)
    return draft
