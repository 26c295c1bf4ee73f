"""End of a test: the decision of a person beside the figures of the report at that moment."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from experiments.formatting import p_value, signed_percent
from experiments.models import Decision, Experiment, Variant
from experiments.services.analysis.comparisons import ComparisonResult
from experiments.services.analysis.report import Report
from experiments.services.catalogue.cta_content import wording_of
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.decisions import Choice, Figures, decide_experiment
from experiments.services.reporting.full_report import FullReport, full_report
from experiments.stats.decision.decide import Status

Outcome = Decision.Outcome
# The decision that each verdict suggests; the others suggest none.
SUGGESTED: Mapping[str, str] = {
    Status.SHIP: Outcome.WINNER,
    Status.KEEP_CONTROL: Outcome.CONTROL,
    Status.STOP_FOR_HARM: Outcome.CONTROL,
    Status.INVALID: Outcome.INVALID,
}
# Short names of the verdicts, as they stand beside a decision.
VERDICTS = {
    Status.SHIP: gettext_lazy("ship the winner"),
    Status.KEEP_CONTROL: gettext_lazy("keep the control"),
    Status.KEEP_RUNNING: gettext_lazy("no answer yet"),
    Status.STOPPED_EARLY: gettext_lazy("stopped before it could tell"),
    Status.PAUSED: gettext_lazy("paused, no answer yet"),
    Status.NO_TRAFFIC: gettext_lazy("no visitors arriving"),
    Status.STOP_FOR_HARM: gettext_lazy("stop for harm"),
    Status.INVALID: gettext_lazy("data not to be trusted"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Decision that the report suggests; empty strings without one."""

    outcome: str = ""
    arm: str = ""


def end_test(*, experiment: Experiment, choice: Choice, occasion: Occasion) -> bool:
    """Take the decision, and stop the experiment if it is live, by `decide_experiment`.

    The report is read before anything is locked: visitors wait for no figures.

    Raises:
        CannotDecideError: If the choice does not fit the experiment.
    """
    full = full_report(experiment=experiment, now=occasion.now)
    figures = figures_of(full, arm=choice.arm)
    return decide_experiment(
        experiment=experiment, choice=choice, figures=figures, occasion=occasion
    )


def figures_of(full: FullReport, *, arm: str = "") -> Figures:
    """Return the report's figures for the named arm, or for the one with the least p-value."""
    report = full.report
    row = _row_of(report, arm)
    return Figures(
        verdict=full.verdict.status if full.verdict else "",
        visitors=sum(each.visitors for each in report.arms),
        arm=report.arms[row.arm].key if row else "",
        lift=row.decisive.comparison.lift if row else None,
        p_value=row.decisive.p_value_adjusted if row else None,
    )


def suggestion_of(full: FullReport) -> Suggestion:
    """Return the decision that follows from the verdict."""
    outcome = SUGGESTED.get(full.verdict.status, "") if full.verdict else ""
    if outcome != Outcome.WINNER:
        return Suggestion(outcome=outcome)
    winner = full.decision.winner if full.decision else None
    if winner is None:
        return Suggestion()
    return Suggestion(outcome=outcome, arm=full.report.arms[winner].key)


def runner_up(report: Report, *, kept: int) -> int | None:
    """Return the arm with the highest lift beside the kept one, None without another.

    Args:
        report: Report of the experiment.
        kept: Index of the arm that goes on.
    """
    lifts = {row.arm: row.decisive.comparison.lift for row in report.comparisons}
    usable = {arm: lift for arm, lift in lifts.items() if lift is not None and arm != kept}
    usable = {arm: lift for arm, lift in usable.items() if not report.arms[arm].is_rolled_back}
    if kept != 0:
        usable[0] = 0.0
    return max(usable, key=lambda arm: usable[arm]) if usable else None


def decision_in_words(decision: Decision, *, names: Mapping[int, str]) -> str:
    """Return a decision in the active language; `names` are wordings by arms' primary keys."""
    if decision.winner_id is None:
        return str(decision.get_outcome_display())
    return _("“%(name)s” has won") % {"name": names.get(decision.winner_id, decision.winner)}


def report_then_in_words(decision: Decision, *, names: Mapping[int, str]) -> str:
    """Return what the report said at the time of the decision; empty where nothing is kept."""
    said = VERDICTS.get(Status(decision.verdict)) if decision.verdict else None
    if said is None:
        return ""
    text = _("The report said then: %(verdict)s.") % {"verdict": said}
    if decision.compared_id is None or decision.lift is None:
        return text
    values = {
        "name": names.get(decision.compared_id, decision.compared),
        "lift": signed_percent(decision.lift),
        "p_value": p_value(decision.p_value),
    }
    return f"{text} " + _("“%(name)s”: lift %(lift)s, adjusted p = %(p_value)s.") % values


def names_of(experiment: Experiment) -> dict[int, str]:
    """Return the wordings of the arms by the arms' primary keys."""
    arms: list[Variant] = list(experiment.variants.all())
    return {arm.pk: wording_of(experiment, arm) or arm.key for arm in arms}


def _row_of(report: Report, arm: str) -> ComparisonResult | None:
    named = [row for row in report.comparisons if report.arms[row.arm].key == arm]
    known = [row for row in report.comparisons if row.decisive.p_value_adjusted is not None]
    best = min(known, key=lambda row: row.decisive.p_value_adjusted or 0.0, default=None)
    return named[0] if named else best
