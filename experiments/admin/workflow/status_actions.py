"""Steps of an experiment from one status to the next, as buttons of its pages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from experiments.models import Experiment
from experiments.services.insights.draft_planning import fit_margins
from experiments.services.lifecycle import transitions
from experiments.services.operations.frozen_arm_watch import dismiss_alarm

Status = Experiment.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAction:
    """One way on from a state; the end has a page of its own."""

    name: str
    label: Any
    run: Callable[..., bool]


START = StatusAction(name="start", label=_("Start"), run=transitions.start_experiment)
PAUSE = StatusAction(name="pause", label=_("Pause"), run=transitions.pause_experiment)
RESUME = StatusAction(name="resume", label=_("Resume"), run=transitions.resume_experiment)
ARCHIVE = StatusAction(name="archive", label=_("Archive"), run=transitions.archive_experiment)
# No step of the experiment's own course: offered beside the alarm.
DISMISS = StatusAction(
    name="dismiss-cache-alarm",
    label=_("Dismiss alarm"),
    run=lambda *, experiment, **_: dismiss_alarm(experiment=experiment),
)
FIT_MARGINS = StatusAction(
    name="fit-margins",
    label=_("Use margins that the plan can exclude"),
    run=lambda *, experiment, now, **_: fit_margins(experiment, now=now),
)
STEPS = {step.name: step for step in (START, PAUSE, RESUME, ARCHIVE, DISMISS, FIT_MARGINS)}
WAYS_ON = {
    Status.DRAFT: (START,),
    Status.RUNNING: (PAUSE,),
    Status.PAUSED: (RESUME,),
    Status.STOPPED: (ARCHIVE,),
    Status.ARCHIVED: (),
}
