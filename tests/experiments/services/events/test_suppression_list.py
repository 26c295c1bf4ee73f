"""An erased visitor leaves nothing behind: the sums are those of a count without them."""

from datetime import timedelta

import pytest

from experiments.models import (
    ErasedVisitor,
    Event,
    VisitorOutcome,
)
from experiments.services.events.suppression_list import KEPT_FOR, forget_tombstones
from experiments.services.operations.visitor_erasure import erase_visitor
from experiments.services.rollups.folding import fold_pending
from tests.experiments.services.sending import sent
from tests.factories import NOW, event_message

pytestmark = pytest.mark.on_both_databases

MINUTE = timedelta(minutes=1)


def test_late_copy_of_an_erased_event_counts_as_a_duplicate(running_experiment):
    message = event_message()
    sent(message)
    fold_pending()
    erase_visitor(site=running_experiment.slot.site, visitor="v-1", now=NOW)
    receipt = sent(message, event_message(visitor="v-2"), now=NOW + 5 * MINUTE)
    assert (receipt.accepted, receipt.duplicates, receipt.rejected) == (1, 1, ())
    assert list(Event.objects.values_list("visitor", flat=True)) == ["v-2"]


def test_clock_ahead_brings_nothing_back(running_experiment):
    message = event_message(at=(NOW + 9 * MINUTE).isoformat())
    sent(message)
    erase_visitor(site=running_experiment.slot.site, visitor="v-1", now=NOW)
    assert sent(message).duplicates == 1
    assert not Event.objects.exists()


def test_visitor_who_comes_back_later_is_a_new_one(running_experiment):
    sent(event_message(variant="control"))
    fold_pending()
    erase_visitor(site=running_experiment.slot.site, visitor="v-1", now=NOW)
    later = NOW + 11 * MINUTE
    assert sent(event_message(at=later.isoformat()), now=later).accepted == 1
    fold_pending()
    assert VisitorOutcome.objects.get().variant.key == "b"


def test_tombstone_names_nobody_and_goes_when_it_is_needed_no_longer(running_experiment):
    erase_visitor(site=running_experiment.slot.site, visitor="v-1", now=NOW)
    assert "v-1" not in repr(list(ErasedVisitor.objects.values()))
    assert forget_tombstones(now=NOW + KEPT_FOR) == 0
    # One for each name under which late events may come: as sent, and the digest.
    assert forget_tombstones(now=NOW + KEPT_FOR + MINUTE) == 2


def test_erased_visitor_stays_erased_through_a_rotation_of_the_secret(running_experiment, settings):
    message = event_message()
    sent(message)
    erase_visitor(site=running_experiment.slot.site, visitor="v-1", now=NOW)
    former, settings.SECRET_KEY = settings.SECRET_KEY, "n" * 40
    settings.SECRET_KEY_FALLBACKS = [former]
    assert (sent(message).duplicates, Event.objects.count()) == (1, 0)
    # A machine that has not been restarted yet recognises what the others erase.
    erase_visitor(site=running_experiment.slot.site, visitor="v-2", now=NOW)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = former, ["n" * 40]
    assert sent(event_message(visitor="v-2")).duplicates == 1
