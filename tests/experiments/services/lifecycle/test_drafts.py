from decimal import Decimal

import pytest

from experiments.models import CTA, Experiment
from experiments.services.lifecycle.drafts import (
    MAX_ARMS,
    AlreadyDraftedError,
    DraftingError,
    draft_experiment,
    duplicate_experiment,
)
from experiments.services.lifecycle.transitions import (
    start_experiment,
)
from tests import factories
from tests.factories import NOW

TEXTS = ["Recevoir mon guide gratuit", "Je commence"]


def draft(slot, texts=TEXTS, **changes):
    values = {"locale": "fr", "audience": None, "now": NOW}
    return draft_experiment(slot=slot, texts=texts, **(values | changes))


def test_draft_has_the_default_cta_as_control_and_an_arm_a_wording(slot):
    experiment = draft(slot)
    arms = list(experiment.variants.select_related("cta"))
    assert experiment.status == Experiment.Status.DRAFT
    assert [(arm.arm, arm.key) for arm in arms] == [(0, "control"), (1, "b"), (2, "c")]
    assert arms[0].cta == slot.default_cta
    assert [arm.cta.wordings.get().text for arm in arms[1:]] == TEXTS
    assert {arm.cta.wordings.get().locale for arm in arms[1:]} == {"fr"}


def test_arms_look_like_the_default_and_carry_their_principles(slot):
    slot.default_cta.background_color = "#123456"
    slot.default_cta.save()
    arm = draft(slot).variants.get(arm=1).cta
    assert (arm.background_color, arm.destination) == ("#123456", slot.default_cta.destination)
    assert set(arm.principles) == {"reward", "clarity"}


@pytest.mark.parametrize("count", [1, 2, 6, MAX_ARMS])
def test_shares_sum_to_one_and_the_draft_can_start(slot, count):
    experiment = draft(slot, [f"Guide {number}" for number in range(count)])
    assert sum(arm.share for arm in experiment.variants.all()) == Decimal(1)
    assert start_experiment(experiment=experiment, now=NOW)


def test_wording_that_is_a_cta_already_is_used_again(slot):
    first = draft(slot)
    again = draft(slot, audience=factories.make_audience(slot.site))
    ctas = [list(each.variants.values_list("cta", flat=True)) for each in (first, again)]
    assert ctas[0] == ctas[1]


def test_draft_that_tests_the_same_is_refused_and_leaves_nothing(slot):
    first = draft(slot)
    with pytest.raises(AlreadyDraftedError, match="was there already") as refusal:
        draft(slot, now=NOW.replace(second=1))
    assert refusal.value.draft == first
    assert Experiment.objects.count() == 1


def test_taken_name_gets_a_number(slot):
    factories.make_cta(slot.site, "Je commence", form="spoken", destination="")
    draft(slot)
    assert CTA.objects.filter(name="Je commence (2)").exists()


def test_each_wording_is_one_arm_however_often_it_was_chosen(slot):
    assert draft(slot, ["Go on", " Go on ", ""]).variants.count() == 2


@pytest.mark.parametrize(
    ("texts", "message"),
    [([], "at least one"), (["  "], "at least one"), ([str(n) for n in range(10)], "At most 9")],
    ids=["none", "blank", "many"],
)
def test_choice_that_makes_no_test_is_refused_and_nothing_is_kept(slot, texts, message):
    with pytest.raises(DraftingError, match=message):
        draft(slot, texts)
    assert not Experiment.objects.exists()


def test_audience_of_another_site_is_refused(slot, other_site):
    audience = factories.make_audience(other_site)
    with pytest.raises(DraftingError, match="another site"):
        draft(slot, audience=audience)


pytestmark = pytest.mark.on_both_databases

Status = Experiment.Status


def test_duplicate_is_a_draft_with_the_same_plan_and_arms(slot):
    french = factories.make_audience(slot.site)
    original = factories.make_running_experiment(
        slot, shares={"control": "0.2", "b": "0.8"}, audience=french, seed="s", coverage="0.5"
    )
    copy = duplicate_experiment(experiment=original, now=NOW)
    stored = Experiment.objects.get(key="hero-test-20261122120000")
    assert stored.pk == copy.pk != original.pk
    assert stored.name == "hero-test (copy)"
    assert (stored.status, stored.started_at, stored.seed) == (Status.DRAFT, None, "")
    assert (stored.audience, stored.coverage) == (french, Decimal("0.5"))
    arms = [
        list(row.variants.order_by("arm").values_list("arm", "key", "cta", "share"))
        for row in (original, stored)
    ]
    assert arms[0] == arms[1]
    original.refresh_from_db()
    assert (original.key, original.status) == ("hero-test", Status.RUNNING)


def test_duplicate_forgets_a_number_that_the_service_computed(slot):
    computed = {"planned_visitors": 70_000, "planned_visitors_basis": {"visitors": 70_000}}
    original = factories.make_experiment(slot, **computed)
    copy = duplicate_experiment(experiment=original, now=NOW)
    assert (copy.planned_visitors, copy.planned_visitors_basis) == (None, None)


@pytest.mark.parametrize("plan", ["sequential", "fixed"])
def test_duplicate_keeps_a_number_that_somebody_entered_or_that_it_needs(slot, plan):
    basis = {"visitors": 70_000 if plan == "fixed" else 1}
    original = factories.make_experiment(
        slot, plan=plan, planned_visitors=70_000, planned_visitors_basis=basis
    )
    copy = duplicate_experiment(experiment=original, now=NOW)
    assert (copy.planned_visitors, copy.planned_visitors_basis) == (70_000, None)


def test_drafts_of_the_same_second_have_keys_of_their_own(slot):
    original = factories.make_experiment(slot, "x" * 100)
    copies = [duplicate_experiment(experiment=original, now=NOW).key for _ in range(3)]
    stem = f"{'x' * 80}-20261122120000"
    assert copies == [stem, f"{stem}-2", f"{stem}-3"]
    again = duplicate_experiment(experiment=Experiment.objects.get(key=copies[2]), now=NOW)
    assert (again.key, len(again.key)) == (f"{stem}-4", 97)
    assert draft(slot).key != draft(slot, ["Another"]).key
