"""Experiments with counts, and their reports."""

from experiments.selectors import reports
from experiments.services.analysis.report import report_of
from experiments.services.analysis.rollup_source import StoredCounts
from experiments.services.insights.report_insights import insights_of
from experiments.services.reporting.full_report import full_report
from tests import factories
from tests.factories import NOW


def reported(experiment):
    """The report as its page makes it."""
    return report_of(experiment=reports.experiments_for_report().get(pk=experiment.pk), now=NOW)


def concluded(experiment):
    """The full report as its page presents it."""
    return full_report(experiment=reports.experiments_for_report().get(pk=experiment.pk), now=NOW)


def verdict_of(report):
    """The verdict on the report's experiment."""
    return concluded(report.experiment).verdict


def insights_into(report):
    """The report's insights from the stored counts."""
    return insights_of(report, StoredCounts(report.experiment))


def count(experiment, *counts, **changes):
    """Give each arm, control first, a day of (visitors, clicks)."""
    for variant, (visitors, clicks) in zip(
        experiment.variants.order_by("arm"), counts, strict=True
    ):
        factories.make_rollup(variant, visitors=visitors, clicks=clicks, **changes)


def counted(experiment, *counts):
    """The report after each arm, control first, had (visitors, clicks)."""
    count(experiment, *counts)
    return reported(experiment)
