"""Experiments with counts, and their reports."""

from experiments.selectors import reports
from experiments.services.analysis.report import report_of
from tests import factories
from tests.factories import NOW


def reported(experiment):
    """The report as its page makes it."""
    return report_of(experiment=reports.experiments_for_report().get(pk=experiment.pk), now=NOW)


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
