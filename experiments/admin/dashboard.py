"""The admin's first page: what runs, and what can be decided."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from experiments.admin.access.warnings import warnings_for
from experiments.models import Experiment
from experiments.selectors import reports
from experiments.selectors.permissions import sites_where
from experiments.services.reporting.full_report import Summary, summaries
from experiments.services.reporting.verdict import Verdict, silence_in_words

# Each costs a few milliseconds, and a query if it is silent.
MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    experiment: Experiment
    url: str
    visitors: int
    verdict: Verdict | None
    silence: str


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the live experiments of the person's sites, and the keys that end soon."""
    sites = sites_where(request.user, "experiments.view_experiment")
    live = reports.live_experiments(sites=sites)[:MOST]
    context["lines"] = [_line(one) for one in summaries(live, now=timezone.now())]
    context["key_warnings"] = warnings_for(request)
    return context


def _line(summary: Summary) -> Line:
    experiment, verdict = summary.report.experiment, summary.verdict
    silence = silence_in_words(summary.decision) if summary.decision else ""
    return Line(
        experiment=experiment,
        url=reverse("admin:experiments_experiment_report", args=[experiment.pk]),
        visitors=sum(arm.visitors for arm in summary.report.arms),
        verdict=verdict,
        silence=silence if verdict and silence in verdict.sentences else "",
    )
