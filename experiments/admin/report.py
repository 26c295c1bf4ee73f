"""What the report page shows, as a template's context."""

from typing import Any

from experiments.admin.charts import interval_chart
from experiments.models import Experiment
from experiments.services.analysis import Report
from experiments.services.beliefs import beliefs_of
from experiments.services.comparing import is_sequential
from experiments.services.reports import verdict_on


def report_context(report: Report) -> dict[str, Any]:
    """Return what is shown of a report."""
    experiment = report.experiment
    return {
        "experiment": experiment,
        "report": report,
        "verdict": verdict_on(report),
        "beliefs": beliefs_of(report),
        "chart": interval_chart(report.arms),
        "confidence": 1 - experiment.alpha,
        "is_value": experiment.primary_metric == Experiment.Metric.VALUE_PER_VISITOR,
        "is_sequential": is_sequential(experiment),
        "fixed": [(report.arms[row.arm], row.fixed) for row in report.comparisons],
        "anytime": [(report.arms[row.arm], row.anytime) for row in report.comparisons],
        "unadjusted": [(report.arms[row.arm], row.unadjusted) for row in report.comparisons],
    }
