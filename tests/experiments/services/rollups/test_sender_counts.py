from datetime import timedelta

import pytest

from experiments.models import Event, SenderCount
from experiments.services.rollups.folding import fold_pending
from experiments.services.rollups.sender_counts import UNKNOWN
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases

MINUTE = timedelta(minutes=1)


def counted():
    rows = SenderCount.objects.order_by("slot", "sender", "variant", "phase")
    return [(r.slot, r.sender, r.variant.key, r.phase, r.visitors) for r in rows]


def seen(variant, visitor, *, at=NOW, **changes):
    return factories.make_event(variant, visitor=visitor, at=at, **changes)


@pytest.fixture
def arm(running_experiment):
    return running_experiment.variants.get(key="b")


def test_new_visitors_are_counted_by_sender_slot_arm_and_phase(arm, running_experiment):
    seen(arm, "v-1", sender=3)
    seen(arm, "v-1", sender=3)
    seen(arm, "v-2", sender=3, at=NOW + MINUTE)
    seen(arm, "v-3", sender=3, at=NOW + 16 * MINUTE)
    seen(arm, "v-4", sender=4, attributes={"phase": 2})
    seen(running_experiment.variants.get(key="control"), "v-5", sender=None)
    seen(arm, "v-6", sender=3, flags=1)
    fold_pending()
    assert counted() == [
        (NOW, UNKNOWN, "control", 0, 1),
        (NOW, 3, "b", 0, 2),
        (NOW, 4, "b", 2, 1),
        (NOW + 15 * MINUTE, 3, "b", 0, 1),
    ]


def test_visitor_with_several_exposures_in_a_slot_is_one(arm):
    """As after a pause of the folds, which then count many minutes at once."""
    for minute in range(15):
        seen(arm, "v-1", sender=3, at=NOW + minute * MINUTE)
    fold_pending()
    assert counted() == [(NOW, 3, "b", 0, 1)]
    row = SenderCount.objects.get()
    assert (row.first_at, row.last_at) == (NOW, NOW + 14 * MINUTE)


def test_visitor_who_is_left_out_for_several_arms_is_not_new_again(arm, running_experiment):
    control = running_experiment.variants.get(key="control")
    for visits in range(3):
        at = NOW + visits * MINUTE
        seen(control, "v-1", sender=3, at=at)
        seen(arm, "v-1", sender=3, at=at)
        fold_pending()
    assert counted() == [(NOW, 3, "control", 0, 1), (NOW, 3, "b", 0, 1)]


@pytest.mark.parametrize("flag", [Event.Flag.PREFETCH, Event.Flag.UNEXPLAINED, Event.Flag.BURST])
def test_visitor_with_events_that_did_not_happen_is_new_with_one_that_did(arm, flag):
    seen(arm, "v-1", sender=3, flags=int(flag))
    fold_pending()
    assert counted() == []
    seen(arm, "v-1", sender=3, at=NOW + MINUTE)
    fold_pending()
    assert counted() == [(NOW, 3, "b", 0, 1)]


def test_visitor_who_is_counted_already_is_not_new(arm):
    for minute in range(3):
        seen(arm, "v-1", sender=3, at=NOW + minute * MINUTE)
        fold_pending()
    assert counted() == [(NOW, 3, "b", 0, 1)]


def test_later_fold_adds_to_the_same_row(arm):
    first = seen(arm, "v-1", sender=3)
    fold_pending()
    last = seen(arm, "v-2", sender=3, at=NOW + MINUTE)
    fold_pending()
    row = SenderCount.objects.get()
    assert (row.visitors, row.first_at, row.last_at) == (2, NOW, NOW + MINUTE)
    assert (row.first_batch, row.last_batch) == (first.batch, last.batch)


def test_slot_is_the_quarter_of_an_hour(arm):
    seen(arm, "v-1", sender=3, at=NOW + timedelta(minutes=44, seconds=59))
    fold_pending()
    assert SenderCount.objects.get().slot == NOW + timedelta(minutes=30)
