"""The admin's first page: what runs, and what can be decided."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from experiments.models import Experiment
from experiments.selectors import reports
from experiments.services.analysis.report import report_of
from experiments.services.reporting.decision import decision_on
from experiments.services.reporting.report_json import verdict_on
from experiments.services.reporting.verdict import Verdict, silence_in_words

# Each costs a query (a silent one two) and a few milliseconds.
MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    experiment: Experiment
    url: str
    visitors: int
    verdict: Verdict | None
    silence: str


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the live experiments to the first page, for those who may see them."""
    if request.user.has_perm("experiments.view_experiment"):
        context["lines"] = [_line(row) for row in reports.live_experiments()[:MOST]]
    return context


def _line(experiment: Experiment) -> Line:
    report = report_of(experiment=experiment, now=timezone.now())
    decision = decision_on(report)
    return Line(
        experiment=experiment,
        url=reverse("admin:experiments_experiment_report", args=[experiment.pk]),
        visitors=sum(arm.visitors for arm in report.arms),
        verdict=verdict_on(report),
        silence=silence_in_words(decision) if decision else "",
    )
