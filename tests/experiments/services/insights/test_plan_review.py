from datetime import timedelta

import pytest

from experiments.models import Experiment
from experiments.services.insights.draft_planning import slot_plans
from experiments.services.insights.plan_review import (
    PlanWarning,
    plan_basis,
    review_plan,
    save_slot_plan,
)
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases
# 31,230.69 an arm find +10 % on 5 % at one look, statsmodels, ../shared/notes/statistics.md
# section 14.
FIXED_VISITORS = 2 * 31_231
FIXED = {"plan": Experiment.Plan.FIXED}


@pytest.fixture
def busy_slot(slot):
    """The slot, with 1,000 visitors a day at a rate of 5 % for four weeks."""
    past = factories.make_running_experiment(slot, "past")
    for ago in range(1, 29):
        count(past, (500, 25), (500, 25), day=NOW.date() - timedelta(days=ago))
    return slot


def review(draft):
    return review_plan(draft, slot_plans(draft, now=NOW))


def test_new_draft_gets_its_slots_number_and_where_it_is_from(busy_slot):
    draft = factories.make_experiment(busy_slot)
    assert save_slot_plan(draft=draft, now=NOW)
    stored = Experiment.objects.get(pk=draft.pk)
    basis = plan_basis(stored)
    # The sequential plan's own line on the draft's page.
    line = next(
        line
        for line in slot_plans(draft, now=NOW).lines
        if (line.plan, line.n_arms) == ("sequential", 2)
    )
    assert stored.planned_visitors == line.visitors == basis.visitors
    assert (basis.visitors_per_day, basis.base, basis.is_rate) == (1_000, 0.05, True)
    assert (basis.target, basis.n_arms, basis.at) == (0.1, 2, NOW.isoformat())


def test_unequal_shares_need_more_visitors(busy_slot):
    shares = {"control": "0.9", "b": "0.1"}
    equal, unequal = (
        factories.make_experiment(busy_slot, key, shares=each)
        for key, each in (("even", None), ("uneven", shares))
    )
    # 1 / (0.9 * 0.1) against 1 / (0.5 * 0.5), as far as both rates are alike.
    ratio = review(unequal).needed / review(equal).needed
    assert ratio == pytest.approx(0.25 / 0.09, rel=0.1)


def test_unfinished_shares_are_planned_as_equal_ones(busy_slot):
    drafts = (
        factories.make_experiment(busy_slot, key, shares=shares)
        for key, shares in (("even", None), ("half", {"control": "0.5", "b": "0.1"}))
    )
    assert len({review(draft).needed for draft in drafts}) == 1


def test_number_that_somebody_entered_stays(busy_slot):
    draft = factories.make_experiment(busy_slot, planned_visitors=5_000)
    assert not save_slot_plan(draft=draft, now=NOW)
    draft.refresh_from_db()
    assert (draft.planned_visitors, plan_basis(draft)) == (5_000, None)


def test_changed_number_is_no_longer_the_slots(busy_slot):
    draft = factories.make_experiment(busy_slot)
    save_slot_plan(draft=draft, now=NOW)
    draft.planned_visitors += 1
    assert plan_basis(draft) is None


def test_number_is_not_saved_after_the_start(busy_slot):
    draft = factories.make_experiment(busy_slot)
    ended = {"status": Experiment.Status.STOPPED, "stopped_at": NOW}
    Experiment.objects.filter(key="past").update(**ended)
    started = {"status": Experiment.Status.RUNNING, "started_at": NOW}
    Experiment.objects.filter(pk=draft.pk).update(**started)
    assert not save_slot_plan(draft=draft, now=NOW)
    assert draft.planned_visitors is None
    draft.refresh_from_db()
    assert not save_slot_plan(draft=draft, now=NOW)


def test_slot_without_figures_gives_no_number_and_no_review(draft):
    assert not save_slot_plan(draft=draft, now=NOW)
    assert review(draft) is None
    assert review_plan(draft, None) is None


def test_rate_that_cannot_rise_by_the_target_gives_no_number(slot):
    past = factories.make_running_experiment(slot, "past")
    count(past, (500, 480), (500, 480), day=NOW.date() - timedelta(days=1))
    assert review(factories.make_experiment(slot)) is None


@pytest.mark.parametrize(
    ("planned", "warnings"),
    [
        (None, [PlanWarning.NO_NUMBER]),
        (FIXED_VISITORS, []),
        (3 * FIXED_VISITORS, [PlanWarning.TOO_LONG]),
        (3 * FIXED_VISITORS + 1, [PlanWarning.TOO_LARGE, PlanWarning.TOO_LONG]),
        (FIXED_VISITORS // 2, []),
        (FIXED_VISITORS // 2 - 1, [PlanWarning.TOO_SMALL]),
        # Twelve weeks, and a visitor more.
        (84_000, []),
        (84_001, [PlanWarning.TOO_LONG]),
    ],
)
def test_plan_is_doubted_where_it_is_far_off(busy_slot, planned, warnings):
    draft = factories.make_experiment(busy_slot, planned_visitors=FIXED_VISITORS, **FIXED)
    draft.planned_visitors = planned
    found = review(draft)
    assert list(found.warnings) == warnings
    assert (found.needed, found.planned) == (FIXED_VISITORS, planned)


def test_lift_that_the_slots_own_number_finds_is_the_target(busy_slot):
    found = review(factories.make_experiment(busy_slot, planned_visitors=FIXED_VISITORS, **FIXED))
    assert found.lift_found == pytest.approx(0.1, abs=1e-5)
    assert found.weeks == 9
