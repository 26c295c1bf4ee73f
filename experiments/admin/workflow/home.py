"""The first page: what needs a decision, what runs, drafts, what has ended, first steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from experiments.admin.access.warnings import warnings_for
from experiments.admin.experiment_pages import url_of
from experiments.admin.offers.home_offers import home_offers
from experiments.admin.workflow.first_steps import first_steps
from experiments.event_schema.calendar_days import calendar_day
from experiments.models import Decision, Experiment
from experiments.selectors import standings as selectors
from experiments.selectors.permissions import may, sites_where
from experiments.services.lifecycle.readiness import readiness_faults
from experiments.services.reporting.end_of_test import decision_in_words, names_of
from experiments.services.reporting.standings import standing_alarms, standing_title
from experiments.stats.decision.decide import Status

# Rows of each list; a link leads to the others.
MOST = 15
# What a draft lacks costs a few queries each.
MOST_DRAFTS = 5
MOST_DECIDED = 5
# A test that no visitor has met for so long has a page without its slot.
UNSEEN_AFTER = timedelta(hours=24)
KINDS = {
    Status.SHIP: "good",
    Status.KEEP_CONTROL: "info",
    Status.STOP_FOR_HARM: "fault",
    Status.INVALID: "fault",
    Status.NO_TRAFFIC: "advice",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of a list: the experiment, its verdict, and the button that leads on."""

    experiment: Experiment
    url: str
    title: str
    kind: str = "plain"
    alarms: tuple[str, ...] = ()
    action: str = ""
    action_url: str = ""

    @property
    def standing(self) -> Any:
        """Return the kept standing; None before it is computed."""
        return getattr(self.experiment, "standing", None)

    @property
    def visitors_today(self) -> int:
        """Return the visitors of today, a day of its zone; a standing of another day has none."""
        standing = self.standing
        today = calendar_day(timezone.now(), self.experiment.zone_of_days)
        return standing.visitors_today if standing and standing.today == today else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The first rows of a list, and whether there are more."""

    lines: list[Line]
    has_more: bool


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the first page shows of the person's sites. No verdict is computed here."""
    sites = sites_where(request.user, "experiments.view_experiment")
    now = timezone.now()
    before = now - UNSEEN_AFTER
    # One more than is shown: it tells that there are more.
    to_decide, running, drafts, decided = selectors.read_together(
        selectors.experiments_to_decide(sites=sites, started_before=before)[: MOST + 1],
        selectors.experiments_that_run(sites=sites, started_before=before)[: MOST + 1],
        selectors.drafts_of(sites=sites)[: MOST_DRAFTS + 1],
        selectors.decided_experiments(sites=sites)[: MOST_DECIDED + 1],
    )
    selectors.read_readiness(drafts[:MOST_DRAFTS])
    steps = first_steps(request, sites_where(request.user, "experiments.view_site"))
    context |= {
        "title": _("Home"),
        "key_warnings": warnings_for(request),
        "steps": steps,
        "to_decide": _list(request, to_decide, _decision_line),
        "running": _list(request, running, _running_line),
        "drafts": _list(request, drafts, _draft_line, most=MOST_DRAFTS),
        "decided": _list(request, decided, _decided_line, most=MOST_DECIDED),
        "offers": home_offers(request),
        "slots": selectors.traffic_by_slot(sites=sites, now=now, most=MOST),
    }
    return context


def _list(
    request: HttpRequest,
    rows: Sequence[Experiment],
    line: Callable[[HttpRequest, Experiment], Line],
    *,
    most: int = MOST,
) -> Listed:
    return Listed(lines=[line(request, row) for row in rows[:most]], has_more=len(rows) > most)


def _decision_line(request: HttpRequest, experiment: Experiment) -> Line:
    if experiment.status == Experiment.Status.DRAFT:
        return Line(
            experiment=experiment,
            url=url_of("report", experiment),
            title=_("Waits for the approval of a second person"),
            kind="advice",
            action=_("Look at what is approved"),
            action_url=url_of("approval", experiment),
        )
    standing = getattr(experiment, "standing", None)
    status = standing.status if standing else ""
    kind = KINDS[Status(status)] if status and Status(status) in KINDS else "advice"
    action, url = _action(request, experiment, status)
    title, alarms = standing_title(experiment), standing_alarms(experiment)
    if experiment.rolled_back_at and experiment.status == Experiment.Status.PAUSED:
        alarms, kind = (_("It was rolled back: resume or end it."), *alarms), "fault"
    elif experiment.status == Experiment.Status.STOPPED:
        alarms = (_("It has ended without a decision."), *alarms)
    elif standing and not standing.visitors:
        alarms = (_("No visitor has seen it yet: is the snippet on the page?"), *alarms)
    return Line(
        experiment=experiment,
        url=url_of("report", experiment),
        title=title,
        kind=kind,
        alarms=alarms,
        action=action,
        action_url=url,
    )


def _action(request: HttpRequest, experiment: Experiment, status: str) -> tuple[str, str]:
    """Return the text and the page of the button that a person may press next."""
    report, end = url_of("report", experiment), url_of("end", experiment)
    if not may(request.user, "experiments.change_experiment", experiment):
        return _("Report"), report
    if experiment.rolled_back_at and experiment.status == Experiment.Status.PAUSED:
        return _("See or undo"), url_of("traffic", experiment)
    if experiment.status == Experiment.Status.STOPPED:
        return _("Decide"), end
    winner = experiment.standing.winner if hasattr(experiment, "standing") else None
    if status == Status.SHIP and winner is not None:
        name = names_of(experiment).get(winner.pk, winner.key)
        text = _("Ship “%(name)s”") % {"name": name}
        return text, f"{end}?outcome={Decision.Outcome.WINNER}:{winner.key}"
    if status == Status.STOP_FOR_HARM:
        return _("Stop and keep the control"), f"{end}?outcome={Decision.Outcome.CONTROL}"
    if status == Status.KEEP_CONTROL:
        return _("Keep the control"), f"{end}?outcome={Decision.Outcome.CONTROL}"
    return _("Look into it"), report


def _running_line(request: HttpRequest, experiment: Experiment) -> Line:
    return Line(
        experiment=experiment,
        url=url_of("report", experiment),
        title=standing_title(experiment),
        alarms=standing_alarms(experiment),
    )


def _draft_line(request: HttpRequest, experiment: Experiment) -> Line:
    faults = tuple(readiness_faults(experiment))
    return Line(
        experiment=experiment,
        url=url_of("report", experiment),
        title="" if faults else _("Ready to start"),
        kind="plain" if faults else "good",
        alarms=faults,
        action=_("Go on"),
        action_url=url_of("change" if faults else "report", experiment),
    )


def _decided_line(request: HttpRequest, experiment: Experiment) -> Line:
    decision: Decision = experiment.decision
    is_winner = decision.outcome == Decision.Outcome.WINNER
    return Line(
        experiment=experiment,
        url=url_of("report", experiment),
        title=decision_in_words(decision, names=names_of(experiment)),
        kind="good" if is_winner else "plain",
    )
