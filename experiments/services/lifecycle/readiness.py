"""Readiness of a draft: the faults that keep it from starting."""

from collections.abc import Iterator, Sequence

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from experiments.models import Experiment, Guardrail, Variant
from experiments.services.catalogue.cta_content import wording_of
from experiments.services.lifecycle.ramps import PlannedStep, ramp_faults
from experiments.services.lifecycle.rivals import meeting_faults
from experiments.services.lifecycle.traffic_allocation import sum_fault


class CannotStartError(Exception):
    """The experiment is not ready; `reasons` are sentences for its owner."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


def readiness_faults(draft: Experiment) -> list[str]:
    """Return the faults that keep a draft from starting, as sentences; none if it may start."""
    variants = sorted(draft.variants.all(), key=lambda variant: variant.arm)
    # Nothing is read again of a draft that came with it.
    prefetch_related_objects(variants, "cta__wordings")
    return [
        *_arm_faults(draft, variants),
        *_guardrail_faults(draft),
        *_secondary_faults(draft),
        *_end_faults(draft),
        *_ramp_faults(draft),
        *_belonging_faults(draft, variants),
        *meeting_faults(draft),
    ]


def _arm_faults(draft: Experiment, variants: Sequence[Variant]) -> Iterator[str]:
    if len(variants) < 2:
        yield _("An experiment needs a control and at least one other arm.")
    if [variant.arm for variant in variants] != list(range(len(variants))):
        yield _("Arms are numbered 0 (the control), 1, 2 and so on, without a gap.")
    for variant in variants:
        if not variant.share:
            values = {"arm": wording_of(draft, variant) or variant.key}
            yield _("“%(arm)s”: a share is above 0, at most 1, in steps of 0.0001.") % values
    if variants and (fault := sum_fault(variant.share for variant in variants)):
        yield fault


def primary_guardrail_fault(experiment: Experiment, guardrail: Guardrail) -> str | None:
    """Return why a guardrail may not be on the experiment's primary metric; None if it is not."""
    metric = experiment.primary_metric
    has_goal = metric != Experiment.Metric.CLICK_RATE
    if guardrail.metric != metric or (has_goal and guardrail.goal != experiment.goal):
        return None
    return _(
        "A guardrail on the primary metric adds nothing: an arm that does worse on it is never"
        " shipped. Choose another metric, or remove the guardrail."
    )


def _guardrail_faults(experiment: Experiment) -> Iterator[str]:
    rails = experiment.guardrails.all()
    faults = [primary_guardrail_fault(experiment, guardrail) for guardrail in rails]
    yield from (fault for fault in faults if fault is not None)


def _secondary_faults(experiment: Experiment) -> Iterator[str]:
    primary = experiment.primary_metric, experiment.goal
    for row in experiment.secondary_metrics.all():
        is_clicks = row.metric == primary[0] == Experiment.Metric.CLICK_RATE
        if is_clicks or (row.metric, row.goal) == primary:
            yield _("%(metric)s is the primary metric: it cannot be a secondary one too.") % {
                "metric": row
            }


def _end_faults(experiment: Experiment) -> Iterator[str]:
    if experiment.ends_when_planned and not experiment.planned_visitors:
        yield _("It is to end when the plan is reached, but no number of visitors is planned.")


def _ramp_faults(experiment: Experiment) -> list[str]:
    steps = sorted(experiment.ramp.all(), key=lambda step: step.number)
    return ramp_faults(
        [PlannedStep(coverage=one.coverage, hold_hours=one.hold_hours) for one in steps]
    )


def _belonging_faults(experiment: Experiment, variants: Sequence[Variant]) -> Iterator[str]:
    site_id = experiment.slot.site_id
    for variant in variants:
        if variant.cta.site_id != site_id:
            arm = wording_of(experiment, variant) or variant.cta.name
            yield _("“%(arm)s” is a CTA of another site.") % {"arm": arm}
        if not variant.cta.wordings.all():
            yield _("The CTA “%(cta)s” has no wording.") % {"cta": variant.cta.name}
    if experiment.audience is not None and experiment.audience.site_id != site_id:
        yield _("The audience belongs to another site.")
    if experiment.namespace is not None and experiment.namespace.site_id != site_id:
        yield _("The namespace belongs to another site.")
