from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, OperationalError

from experiments.models import Event
from experiments.services.events import store
from experiments.services.events.ingestion import accept
from experiments.services.events.stream_codec import STORAGE
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
