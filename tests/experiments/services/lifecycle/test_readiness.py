from decimal import Decimal

import pytest
from django.utils import translation

from experiments.models import CTAWording, Experiment, Variant
from experiments.services.lifecycle.readiness import CannotStartError, readiness_faults
from experiments.services.lifecycle.transitions import (
    start_experiment,
)
from tests import factories
from tests.factories import NOW, STARTED

pytestmark = pytest.mark.on_both_databases

Status = Experiment.Status


def reasons_against(experiment):
    """Why it cannot start; nothing is changed by the attempt."""
    with pytest.raises(CannotStartError) as refused:
        start_experiment(experiment=experiment, now=NOW)
    assert Experiment.objects.get(pk=experiment.pk).status == Status.DRAFT
    assert str(refused.value) == " ".join(refused.value.reasons)
    return refused.value.reasons


def test_experiment_without_arms_cannot_start(slot):
    draft = factories.make_experiment(slot, shares={})
    assert reasons_against(draft) == ["An experiment needs a control and at least one other arm."]


def test_experiment_of_one_arm_cannot_start(slot):
    draft = factories.make_experiment(slot, shares={"control": "1"})
    assert len(reasons_against(draft)) == 1


@pytest.mark.parametrize("share", ["0.4", "0.4999", "0.5001"])
def test_shares_that_do_not_sum_to_one_cannot_start(slot, share):
    draft = factories.make_experiment(slot, shares={"control": "0.5", "b": share})
    total = Decimal("0.5") + Decimal(share)
    assert reasons_against(draft) == [
        f"The shares add up to {float(100 * total):g}%; they must add up to 100%."
    ]


def test_thirds_sum_to_one_in_steps_of_a_bucket(slot):
    shares = {"control": "0.3334", "b": "0.3333", "c": "0.3333"}
    draft = factories.make_experiment(slot, shares=shares)
    assert start_experiment(experiment=draft, now=NOW) is True


def test_arms_with_a_gap_cannot_start(draft):
    Variant.objects.filter(arm=1).update(arm=2)
    assert "without a gap" in reasons_against(draft)[0]


def test_arm_of_another_site_cannot_start(draft, other_site):
    Variant.objects.filter(arm=1).update(cta=factories.make_cta(other_site, "Buy"))
    assert reasons_against(draft) == ["“Buy” is a CTA of another site."]


def test_arm_without_wording_cannot_start(draft):
    CTAWording.objects.filter(cta__variants__key="b").delete()
    assert reasons_against(draft) == ["The CTA “hero-test b” has no wording."]


def test_arms_are_named_by_their_wordings(draft):
    CTAWording.objects.filter(cta__variants__key="b").update(text="Buy")
    draft = Experiment.objects.get()
    prefetched = list(draft.variants.prefetch_related("cta__wordings"))
    for variant in prefetched:
        variant.share = Decimal(0)
    draft._prefetched_objects_cache = {"variants": prefetched}
    with translation.override("fr"):
        faults = readiness_faults(draft)
    assert "«\u00a0Buy\u00a0»\u00a0: une part est au-dessus de 0" in " ".join(faults)


def test_audience_and_namespace_of_another_site_cannot_start(draft, other_site):
    draft.audience = factories.make_audience(other_site)
    draft.namespace = other_site.namespaces.create(key="space", seed="space")
    draft.namespace_start, draft.namespace_end = Decimal(0), Decimal(1)
    draft.save()
    assert reasons_against(draft) == [
        "The audience belongs to another site.",
        "The namespace belongs to another site.",
    ]


def test_draft_is_judged_as_it_is_stored(draft, other_site):
    stale = Experiment.objects.get()
    draft.audience = factories.make_audience(other_site)
    draft.save()
    assert reasons_against(stale) == ["The audience belongs to another site."]


@pytest.mark.parametrize("status", [Status.RUNNING, Status.PAUSED])
def test_rival_on_the_same_slot_and_audience_keeps_it_from_starting(slot, status):
    factories.make_running_experiment(slot, "rival", status=status)
    draft = factories.make_experiment(slot)
    assert reasons_against(draft) == ["“rival” is live on the same slot and audience."]


def test_rival_that_is_stopped_or_elsewhere_does_not_matter(slot):
    factories.make_experiment(
        slot, "past", status=Status.STOPPED, started_at=STARTED, stopped_at=NOW
    )
    french = factories.make_audience(slot.site)
    factories.make_running_experiment(slot, "french", audience=french)
    factories.make_running_experiment(factories.make_slot(slot.site, "footer"), "footer")
    draft = factories.make_experiment(slot)
    assert start_experiment(experiment=draft, now=NOW) is True


@pytest.mark.parametrize(
    ("start", "end", "starts"),
    [("0.5", "1", True), ("0.4999", "1", False), ("0", "0.1", False), ("0.2", "0.3", False)],
)
def test_namespace_lets_disjoint_ranges_run_together(slot, start, end, starts):
    space = slot.site.namespaces.create(key="space", seed="space")
    factories.make_running_experiment(
        slot, "rival", namespace=space, namespace_start="0", namespace_end="0.5"
    )
    draft = factories.make_experiment(
        slot, namespace=space, namespace_start=start, namespace_end=end
    )
    if starts:
        assert start_experiment(experiment=draft, now=NOW) is True
    else:
        assert reasons_against(draft) == ["“rival” is live on the same slot and audience."]


def test_other_namespace_or_none_does_not_keep_apart(slot):
    space = slot.site.namespaces.create(key="space", seed="space")
    part = {"namespace": space, "namespace_start": "0", "namespace_end": "0.5"}
    factories.make_running_experiment(slot, "rival", **part)
    assert reasons_against(factories.make_experiment(slot))
    other = slot.site.namespaces.create(key="other", seed="other")
    part = {"namespace": other, "namespace_start": "0.5", "namespace_end": "1"}
    assert reasons_against(factories.make_experiment(slot, "elsewhere", **part))


@pytest.mark.parametrize(
    ("primary", "goal", "rail"),
    [
        ("click_rate", "", ("click_rate", "")),
        ("click_rate", "order", ("click_rate", "")),
        ("conversion_rate", "order", ("conversion_rate", "order")),
    ],
)
def test_guardrail_on_the_primary_metric_cannot_start(slot, primary, goal, rail):
    draft = factories.make_experiment(slot, primary_metric=primary, goal=goal)
    draft.guardrails.create(metric=rail[0], goal=rail[1])
    (reason,) = reasons_against(draft)
    assert "primary metric" in reason


@pytest.mark.parametrize(
    ("primary", "goal", "rail"),
    [
        ("click_rate", "", ("conversion_rate", "order")),
        ("conversion_rate", "order", ("conversion_rate", "signup")),
        ("conversion_rate", "order", ("value_per_visitor", "order")),
    ],
)
def test_guardrail_on_another_metric_may_start(slot, primary, goal, rail):
    draft = factories.make_experiment(slot, primary_metric=primary, goal=goal)
    draft.guardrails.create(metric=rail[0], goal=rail[1])
    assert start_experiment(experiment=draft, now=NOW)


def test_arm_without_a_share_cannot_start(slot):
    shares = {"control": "0.5", "b": "0.5", "c": "0"}
    draft = factories.make_experiment(slot, shares=shares)
    assert reasons_against(draft) == [
        "“hero-test c”: a share is above 0, at most 1, in steps of 0.0001.",
    ]


@pytest.mark.parametrize(
    ("metric", "goal", "is_refused"),
    [
        ("conversion_rate", "order", True),
        ("conversion_rate", "signup", False),
        ("value_per_visitor", "order", False),
        ("click_rate", "", False),
    ],
)
def test_primary_metric_cannot_be_a_secondary_one(slot, metric, goal, is_refused):
    values = {"primary_metric": "conversion_rate", "goal": "order"}
    draft = factories.make_experiment(slot, **values)
    draft.secondary_metrics.create(metric=metric, goal=goal)
    faults = " ".join(readiness_faults(draft))
    assert ("Conversion rate order is the primary metric" in faults) == is_refused


def test_clicks_are_one_metric_whatever_the_goal(slot):
    draft = factories.make_experiment(slot, goal="order")
    draft.secondary_metrics.create(metric="click_rate", goal="")
    assert "Click rate is the primary metric" in " ".join(readiness_faults(draft))


def test_end_at_the_plan_needs_a_plan(slot):
    draft = factories.make_experiment(slot, ends_when_planned=True)
    assert "no number of visitors is planned" in " ".join(readiness_faults(draft))
    draft.planned_visitors = 1_000
    assert readiness_faults(draft) == []
