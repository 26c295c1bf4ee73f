import pytest

from experiments.models import Experiment, Guardrail, SecondaryMetric, Variant
from experiments.services.catalogue.editing import CannotSaveError, LockedError
from experiments.services.lifecycle.draft_editing import DraftParts, save_draft
from experiments.services.lifecycle.drafts import MAX_ARMS
from tests import factories

pytestmark = pytest.mark.on_both_databases


def arms(site, *keys):
    return [Variant(key=key, cta=factories.make_cta(site, key), share="0.5") for key in keys]


@pytest.fixture
def new(slot):
    return Experiment(slot=slot, key="buy", name="Buy")


def test_draft_is_stored_with_its_arms_in_order(new, slot):
    parts = DraftParts(
        variants=arms(slot.site, "control", "b"),
        guardrails=[Guardrail(metric="conversion_rate", goal="order")],
        secondary_metrics=[SecondaryMetric(metric="conversion_rate", goal="signup")],
    )
    save_draft(new, parts)
    rows = new.variants.order_by("arm").values_list("arm", "key")
    assert list(rows) == [(0, "control"), (1, "b")]
    assert (new.guardrails.get().goal, new.secondary_metrics.get().goal) == ("order", "signup")


def test_parts_that_are_left_out_stay_and_others_are_replaced(slot):
    draft = factories.make_experiment(slot)
    draft.guardrails.create(metric="conversion_rate", goal="order")
    save_draft(draft, DraftParts(variants=arms(slot.site, "control", "x")))
    assert list(draft.variants.order_by("arm").values_list("key", flat=True)) == ["control", "x"]
    assert draft.guardrails.count() == 1
    save_draft(draft, DraftParts(guardrails=[]))
    assert (draft.guardrails.count(), draft.variants.count()) == (0, 2)


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        (lambda site: DraftParts(variants=arms(site, "control", "default")), r"variants\.1"),
        (lambda site: DraftParts(variants=[*arms(site, "b"), Variant(key="b")]), r"variants\.1"),
        (
            lambda site: DraftParts(variants=arms(site, *(f"a{n}" for n in range(MAX_ARMS + 1)))),
            "variants",
        ),
        (
            lambda _: DraftParts(guardrails=[Guardrail(metric="click_rate")]),
            r"guardrails\.0\.metric",
        ),
        (
            lambda _: DraftParts(secondary_metrics=[SecondaryMetric(metric="conversion_rate")]),
            r"secondary_metrics\.0",
        ),
    ],
)
def test_fault_of_a_part_stores_nothing(new, slot, parts, field):
    with pytest.raises(CannotSaveError, match=field):
        save_draft(new, parts(slot.site))
    assert not Experiment.objects.exists()


def test_experiment_that_has_begun_stays(slot):
    live = factories.make_running_experiment(slot)
    live.name = "Other"
    with pytest.raises(LockedError, match="draft"):
        save_draft(live, DraftParts())
