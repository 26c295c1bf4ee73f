"""Steps to take after a verdict, without what the first screen of a report shows already."""

from dataclasses import dataclass, replace

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from experiments.services.documents.first_screen import FirstScreen
from experiments.services.reporting.aa_tests import is_aa_test
from experiments.services.reporting.full_report import (
    FullReport,
    decision_in_words,
    frozen_verdict,
)
from experiments.services.reporting.verdict import Verdict
from experiments.stats.decision.decide import Decision, Status
from experiments.stats.decision.grounds import Code, Ground

OPEN_QUESTIONS = (Code.GUARDRAIL_OPEN, Code.GUARDRAIL_UNMEASURED)


@dataclass(frozen=True, slots=True, kw_only=True)
class NextSteps:
    """Sentences of the first screen, and those that stand in the evidence instead."""

    steps: tuple[str, ...]
    cautions: tuple[str, ...]
    in_evidence: tuple[str, ...]


def next_steps(full: FullReport, first: FirstScreen) -> NextSteps:
    """Return what the verdict asks for, in the active language."""
    verdict, decision = full.verdict, full.decision
    if verdict is None or decision is None:
        return NextSteps(steps=(), cautions=(), in_evidence=())
    experiment = full.report.experiment
    if first.featured is None or is_aa_test(experiment) or frozen_verdict(experiment):
        return NextSteps(steps=verdict.sentences, cautions=verdict.cautions, in_evidence=())
    shown = [one for one in (*decision.reasons, *decision.cautions) if _is_shown(one, full, first)]
    rest = _worded(full, decision, shown, are=False)
    moved = _worded(full, decision, shown, are=True)
    return NextSteps(
        steps=(*_steps(full, decision, shown), *rest.sentences),
        cautions=rest.cautions,
        in_evidence=(*moved.sentences, *moved.cautions),
    )


def _is_shown(ground: Ground, full: FullReport, first: FirstScreen) -> bool:
    """Return whether the first screen has the numbers of a ground."""
    if ground.code is Code.SUSPICIOUS_LIFT:
        lifts = full.insights.lifts if full.insights else ()
        return any(one.too_good.is_suspicious for one in lifts)
    is_featured = first.featured is not None and ground.arm == first.featured.arm
    if ground.code is Code.WINNERS_CURSE:
        return is_featured and first.expected is not None
    return is_featured and ground.code in (Code.ARM_BETTER, Code.ARM_WORSE)


def _worded(full: FullReport, decision: Decision, shown: list[Ground], *, are: bool) -> Verdict:
    """Return the verdict with the grounds that are shown alone, or without them."""
    kept = replace(
        decision,
        reasons=tuple(one for one in decision.reasons if (one in shown) is are),
        cautions=tuple(one for one in decision.cautions if (one in shown) is are),
    )
    return decision_in_words(full.report, kept)


def _steps(full: FullReport, decision: Decision, shown: list[Ground]) -> list[str]:
    """Return what to do, unless a question is open, and the day of the proof."""
    is_over = full.report.experiment.stopped_at is not None
    grounds = (*decision.reasons, *decision.cautions)
    is_open = any(one.code in OPEN_QUESTIONS for one in grounds)
    steps = []
    if decision.status is Status.SHIP and not is_open:
        steps.append(
            _("Show it to everybody.") if is_over else _("Show it to everybody, and end the test.")
        )
    elif decision.status in (Status.KEEP_CONTROL, Status.STOP_FOR_HARM) and not is_open:
        steps.append(
            _("Show the control to everybody.")
            if is_over
            else _("Show the control to everybody, and end the test.")
        )
    proven = (one.day for one in shown if one.day is not None)
    if (day := next(proven, None)) is not None:
        steps.append(_("Proven on %(day)s.") % {"day": date_format(day, "DATE_FORMAT")})
    return steps
