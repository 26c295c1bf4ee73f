"""A/A tests: all arms show the same CTA, so that any difference is chance or a fault."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from experiments.formatting import p_value, percent
from experiments.models import Experiment, Site
from experiments.selectors import reports
from experiments.services.analysis.report import Report, report_of
from experiments.services.analysis.rollup_source import PrefetchedCounts
from experiments.services.reporting.verdict import Verdict
from experiments.stats.decision.decide import Status
from experiments.stats.health.aa_calibration import AaEvaluation, evaluate_aa


def is_aa_test(experiment: Experiment) -> bool:
    """Tell whether all of two or more arms show one and the same CTA."""
    ctas = [variant.cta_id for variant in experiment.variants.all()]
    return len(ctas) > 1 and len(set(ctas)) == 1


def aa_verdict(report: Report) -> Verdict:
    """Return whether the set-up raised an alarm; there is nothing to ship."""
    alpha = report.experiment.alpha
    alarms = [
        row.decisive.p_value_adjusted
        for row in report.comparisons
        if row.decisive.p_value_adjusted is not None and row.decisive.p_value_adjusted <= alpha
    ]
    history = tuple(_site_history(report.experiment))
    if not alarms:
        sentence = _("All arms show the same CTA, and no difference between them is proven.")
        status, title = Status.KEEP_RUNNING, _("A/A test: no alarm.")
        return Verdict(
            status=status.value, title=title, sentences=(sentence, *history), cautions=()
        )
    sentence = _(
        "All arms show the same CTA, yet a difference is found (adjusted p = %(p)s). Chance does "
        "that in at most %(alpha)s of such tests; else assignment, page or counting is at fault."
    ) % {"p": p_value(min(alarms)), "alpha": percent(alpha, 1)}
    return Verdict(
        status=Status.INVALID.value,
        title=_("A/A test: an alarm."),
        sentences=(sentence, *history),
        cautions=(),
    )


def aa_history(site: Site, *, alpha: float, without: Experiment | None = None) -> AaEvaluation:
    """Return how often the site's finished A/A tests raised an alarm, and how often chance would.

    Args:
        site: Site whose tests are read, each with its first comparison at its one end.
        alpha: Significance level at which a p-value is an alarm.
        without: Experiment that is left out, as the one that is being judged.
    """
    return evaluate_aa(list(_past_p_values(site, without)), alpha=alpha)


def _site_history(experiment: Experiment) -> Iterator[str]:
    """Say what the site's finished A/A tests amount to, once there are enough to judge."""
    evaluation = aa_history(experiment.slot.site, alpha=experiment.alpha, without=experiment)
    if evaluation.is_healthy is None:
        return
    values = {
        "n": evaluation.n,
        "alarms": evaluation.alarms,
        "expected": round(evaluation.expected, 1),
    }
    if evaluation.is_healthy:
        yield (
            _(
                "The site's finished A/A tests: %(alarms)s alarms in %(n)s comparisons, "
                "%(expected)s expected by chance. The set-up is healthy."
            )
            % values
        )
    else:
        yield (
            _(
                "The site's finished A/A tests: %(alarms)s alarms in %(n)s comparisons, only "
                "%(expected)s expected by chance. Find the fault before you trust any test."
            )
            % values
        )


def _past_p_values(site: Site, without: Experiment | None) -> Iterator[float]:
    """Yield one p-value of each finished A/A test: its first comparison, at its one end."""
    for past in reports.finished_aa_tests(site=site):
        if past.stopped_at and (without is None or past.pk != without.pk):
            counts = PrefetchedCounts(past)
            report = report_of(experiment=past, now=past.stopped_at, counts=counts)
            for row in report.comparisons[:1]:
                if row.fixed.comparison.p_value is not None:
                    yield row.fixed.comparison.p_value
