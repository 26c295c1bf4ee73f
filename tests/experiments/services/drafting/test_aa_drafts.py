from datetime import timedelta
from decimal import Decimal

import pytest
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize

from experiments.models import Experiment
from experiments.services.drafting.aa_drafts import aa_outlook, draft_aa_test
from experiments.services.lifecycle.drafts import AlreadyDraftedError
from experiments.services.reporting.aa_tests import is_aa_test
from tests import factories
from tests.factories import NOW


@pytest.fixture
def busy(slot):
    """The slot after four weeks of 1,000 visitors a day who click in 10 % of cases."""
    ended = {"status": Experiment.Status.STOPPED, "stopped_at": NOW}
    past = factories.make_running_experiment(slot, "past", **ended)
    for day in range(1, 29):
        when = NOW.date() - timedelta(days=day)
        factories.make_rollup(past.variants.get(arm=0), visitors=1_000, clicks=100, day=when)
    return slot


def test_draft_shows_the_default_in_both_arms(slot):
    draft = draft_aa_test(slot=slot, now=NOW)
    arms = list(draft.variants.order_by("arm"))
    assert is_aa_test(draft)
    assert [arm.cta for arm in arms] == [slot.default_cta] * 2
    assert [arm.share for arm in arms] == [Decimal("0.5")] * 2
    assert draft.status == Experiment.Status.DRAFT
    assert not draft.ends_when_planned


def test_second_draft_is_refused_until_the_first_has_started(slot):
    first = draft_aa_test(slot=slot, now=NOW)
    with pytest.raises(AlreadyDraftedError, match="was there already") as refusal:
        draft_aa_test(slot=slot, now=NOW)
    assert refusal.value.draft == first
    assert aa_outlook(slot=slot, now=NOW).faults == ()
    Experiment.objects.update(status="stopped", started_at=NOW, stopped_at=NOW)
    second = draft_aa_test(slot=slot, now=NOW)
    assert (first.name, second.name) == ("A/A test on Hero", "A/A test on Hero (2)")
    assert first.key != second.key


def test_long_names_of_a_slot_fit(site):
    slot = factories.make_slot(site, "s" * 50, name="Very long " * 20)
    assert len(draft_aa_test(slot=slot, now=NOW).name) <= 200


def test_outlook_takes_the_visitors_of_a_usual_test_and_stores_nothing(busy):
    found = aa_outlook(slot=busy, now=NOW)
    # A fixed test of 10 % against 11 % at 5 % and a power of 80 %; a sequential one needs more.
    fixed = 2 * NormalIndPower().solve_power(
        proportion_effectsize(0.11, 0.10), power=0.8, alpha=0.05
    )
    assert fixed < found.visitors < 2 * fixed
    assert found.days == -(-found.visitors // 1_000)
    assert found.lift == pytest.approx(0.1)
    assert found.faults == ()
    assert not Experiment.objects.exclude(key="past").exists()


def test_planned_draft_ends_by_itself(busy):
    draft = draft_aa_test(slot=busy, now=NOW)
    assert draft.ends_when_planned
    assert draft.planned_visitors == aa_outlook(slot=busy, now=NOW).visitors


def test_outlook_is_never_shorter_than_the_days_before_a_verdict(busy):
    type(busy.site).objects.update(minimum_days=60)
    busy.refresh_from_db()
    assert aa_outlook(slot=busy, now=NOW).days == 60


def test_outlook_of_an_unknown_slot_has_no_figures(slot):
    found = aa_outlook(slot=slot, now=NOW)
    assert (found.visitors, found.days, found.lift) == (None, None, None)


def test_live_test_of_everybody_is_named(running_experiment):
    found = aa_outlook(slot=running_experiment.slot, now=NOW)
    assert found.faults == ("“hero-test” is live on the same slot and audience.",)
