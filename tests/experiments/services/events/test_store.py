from datetime import timedelta

import pytest
from django.db import DatabaseError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.models import Event
from experiments.services.events import store
from experiments.services.events.store import NotTakenError
from tests import factories
from tests.experiments.services.sending import served_again
from tests.factories import NOW, event_message
from tests.intake import ingest
from tests.threads import in_threads

pytestmark = pytest.mark.on_both_databases

SECOND = timedelta(seconds=1)


def test_retry_is_harmless(served):
    items = [event_message(), event_message("click"), event_message("conversion")]
    first = ingest(site=served, items=items, now=NOW)
    again = ingest(site=served, items=items[::-1], now=NOW + SECOND)
    assert (first.accepted, first.duplicates) == (3, 0)
    assert (again.accepted, again.duplicates) == (0, 3)
    assert set(Event.objects.values_list("received_at", flat=True)) == {NOW}


def test_id_that_comes_twice_in_a_batch_is_stored_once(served):
    message = event_message()
    receipt = ingest(site=served, items=[message, message | {"visitor": "v-2"}], now=NOW)
    assert (receipt.accepted, receipt.duplicates) == (1, 1)
    assert Event.objects.get().visitor == "v-1"


def test_same_id_on_two_sites_is_two_events(served, other_site):
    message = event_message("conversion")
    rival = served_again(other_site)
    for site in (served, rival):
        assert ingest(site=site, items=[message], now=NOW).accepted == 1
    assert Event.objects.count() == 2


def test_spellings_of_one_id_are_one_event(served):
    message = event_message(id="01a20000-0000-7000-8000-00000000000a")
    shouted = message | {"id": message["id"].upper()}
    receipt = ingest(site=served, items=[message, shouted], now=NOW)
    assert (receipt.accepted, receipt.duplicates) == (1, 1)


def test_nothing_of_a_batch_is_stored_when_it_cannot_be(served, monkeypatch):
    def broken(*_, **__):
        raise DatabaseError("disk full")

    monkeypatch.setattr(store.PendingBatch.objects, "create", broken)
    with pytest.raises(NotTakenError, match="disk full"):
        ingest(site=served, items=[event_message()], now=NOW)
    assert not Event.objects.exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    kinds=st.lists(st.sampled_from(["exposure", "click", "conversion"]), max_size=8),
    batches=st.lists(st.lists(st.integers(0, 7), max_size=8), max_size=6),
)
def test_any_retries_store_each_event_once(served, kinds, batches):
    Event.objects.all().delete()
    messages = [event_message(kind) for kind in kinds]
    sent, accepted = set(), 0
    for chosen in batches:
        items = [messages[index] for index in chosen if index < len(messages)]
        accepted += ingest(site=served, items=items, now=NOW).accepted
        sent |= {item["id"] for item in items}
    stored = Event.objects.values_list("event_id", flat=True)
    assert (accepted, {str(one) for one in stored}) == (len(sent), sent)
    assert len(stored) == len(sent)


def test_same_batch_from_several_threads_is_stored_once(real_database):
    slot = factories.make_slot(factories.make_site())
    factories.make_running_experiment(slot)
    site = served_again(slot.site)
    items = [event_message(visitor=f"v-{n}") for n in range(20)]
    receipts = in_threads(*[lambda: ingest(site=site, items=items, now=NOW)] * 4)
    assert Event.objects.count() == 20
    assert all(receipt.accepted + receipt.duplicates == 20 for receipt in receipts)
    assert sum(receipt.accepted for receipt in receipts) == 20
