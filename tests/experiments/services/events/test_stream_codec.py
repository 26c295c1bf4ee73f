from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, OperationalError

from experiments.models import Event
from experiments.services.events import store
from experiments.services.events.ingestion import accept
from experiments.services.events.redis_stream import Entry
from experiments.services.events.stream_codec import STORAGE, erase_dead_rows
from tests.factories import NOW, event_message


def rows_of(served, *messages):
    accepted = accept(site=served, items=messages, now=NOW)
    assert accepted.rejected == ()
    return accepted.rows


def test_rows_come_out_of_an_entry_as_they_went_in(served):
    rows = rows_of(
        served,
        event_message(attributes={"device": "mobile"}, visitor="v é \U0001f600"),
        event_message("click", at=(NOW - timedelta(microseconds=1)).isoformat()),
        event_message("conversion", value=0.1, currency="EUR"),
    )
    assert STORAGE.decode(STORAGE.encode(rows)) == rows
    assert rows[2].value == Decimal("0.1")


def test_rows_of_an_entry_are_stored_once(served):
    rows = STORAGE.decode(STORAGE.encode(rows_of(served, event_message(), event_message())))
    assert (STORAGE.store(rows), STORAGE.store(rows)) == (2, 0)
    assert Event.objects.count() == 2


@pytest.mark.parametrize("entry", [b"", b"{}", b"\x91\x01", STORAGE.encode([(1, 2)])])
def test_entry_of_another_shape_cannot_be_read(entry):
    with pytest.raises(ValueError, match=r"."):
        STORAGE.decode(entry)


@pytest.mark.parametrize("error", [OperationalError, IntegrityError])
def test_what_the_database_says_is_passed_on(served, monkeypatch, error):
    def refuse(*_):
        raise error("no")

    monkeypatch.setattr(store, "_store", refuse)
    with pytest.raises(error, match="no"):
        STORAGE.store(rows_of(served, event_message()))


def buried(stream, payload, reason="no such day"):
    """Put a dead entry into the stream, as a consumer does."""
    stream.append(payload)
    (entry,) = stream.read(consumer="c", count=1, block_s=1)
    stream.bury(Entry(id=entry.id, payload=payload), payload=payload, reason=reason, deliveries=3)


@pytest.mark.redis
def test_dead_entries_lose_the_visitor_and_keep_the_others(served, stream):
    rows = rows_of(served, *(event_message(visitor=name) for name in ("v-1", "v-2", "v-1")))
    buried(stream, STORAGE.encode(rows), reason="(v-1) breaks a rule")
    buried(stream, STORAGE.encode(rows[:1]))
    buried(stream, STORAGE.encode(rows[1:2]))
    assert erase_dead_rows(stream, site_id=served.pk, names=["v-1"]) == 3
    dead = stream.dead(count=None)
    assert [STORAGE.decode(one.payload) for one in dead] == [rows[1:2]] * 2
    assert sorted((one.reason, one.deliveries) for one in dead) == [
        ("erased with a visitor", 3),
        ("no such day", 3),
    ]
    assert erase_dead_rows(stream, site_id=served.pk, names=["v-1"]) == 0


@pytest.mark.redis
def test_dead_entry_that_cannot_be_read_goes_if_it_holds_the_id(served, stream):
    buried(stream, b"\xc1 v-1 \xc1")
    buried(stream, b"\xc1 v-2 \xc1")
    assert erase_dead_rows(stream, site_id=served.pk, names=["v-1"]) == 1
    assert [one.payload for one in stream.dead(count=None)] == [b"\xc1 v-2 \xc1"]


@pytest.mark.redis
def test_dead_entries_of_the_same_name_on_another_site_stay(served, stream):
    buried(stream, STORAGE.encode(rows_of(served, event_message(visitor="v-1"))))
    assert erase_dead_rows(stream, site_id=served.pk + 1, names=["v-1"]) == 0
    assert stream.depths().dead == 1
