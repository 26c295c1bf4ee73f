"""An export holds all that is stored of one visitor, and nothing of another."""

import json
from datetime import timedelta

import pytest

from experiments.models import AccessRecord, Event, VisitorOutcome
from experiments.services.events.redis_stream import Entry, open_stream
from experiments.services.events.store import EventRow
from experiments.services.events.stream_codec import encode_rows
from experiments.services.operations import visitor_export
from experiments.services.operations.visitor_erasure import erase_visitor
from experiments.services.operations.visitor_export import NotExportedError, export_visitor
from experiments.services.rollups.folding import fold_pending
from tests import factories
from tests.experiments.services.sending import sent
from tests.factories import NOW, event_id, event_message
from tests.servers import free_port


@pytest.fixture
def site(running_experiment):
    return running_experiment.slot.site


@pytest.fixture
def stream(redis_server, monkeypatch):
    with redis_server.client() as client:
        client.flushdb()
    stream = open_stream(redis_server.url(), max_entries=1_000)
    stream.make_group()
    monkeypatch.setattr(visitor_export, "configured_stream", lambda: stream)
    yield stream
    stream.client.close()


def row_of(experiment, visitor):
    variant = experiment.variants.get(key="b")
    return EventRow(
        event_id(), experiment.slot.site_id, "exposure", visitor, experiment.pk, variant.pk, 0.5,
        "", None, "", '{"device":"mobile"}', NOW, NOW, 0,
    )  # fmt: skip


def exported(site, visitor="v-1"):
    found = export_visitor(site=site, visitor=visitor, now=NOW)
    # What it holds is JSON as it is.
    return found and json.loads(json.dumps(found))


@pytest.mark.on_both_databases
def test_all_that_is_stored_of_the_visitor_is_in_it(site, running_experiment):
    shown = event_message(attributes={"device": "mobile", "locale": "fr-CA"})
    conversion = event_message("conversion", goal="order", value="49,90", currency="eur")
    sent(shown, event_message(visitor="v-2"))
    fold_pending()
    sent(event_message("click"), conversion)
    found = exported(site)
    assert found["counts"]["events"] == 3
    assert found["counts"]["experiments"] == 1
    by_type = {event["type"]: event for event in found["events"]}
    assert by_type["exposure"]["attributes"] == {"device": "mobile", "locale": "fr"}
    assert by_type["exposure"]["waits_to_be_counted"] is False
    assert by_type["click"]["waits_to_be_counted"] is True
    given = (running_experiment.key, shown["variant"])
    assert (by_type["click"]["experiment"], by_type["click"]["variant"]) == given
    goal = by_type["conversion"]
    assert (goal["goal"], float(goal["value"]), goal["currency"]) == ("order", 49.9, "EUR")
    (outcome,) = found["outcomes"]
    assert outcome["segments"] == {"device": "mobile", "locale": "fr"}
    assert outcome["has_clicked"] is False
    assert "v-2" not in json.dumps(found)


def test_every_column_of_an_event_and_an_outcome_is_in_it_or_names_nothing(site):
    """A column that is added later is exported, or is named here."""
    sent(event_message())
    fold_pending()
    found = exported(site)
    events = {"event_id": "id", "propensity": "probability_of_variant", "flags": "doubts"}
    events |= {"sender": "sender_group", "batch": "waits_to_be_counted"}
    outcomes = {"day": "first_day", "covariate": "value_before", "exclusion": "left_out_as"}
    outcomes |= {"is_settled": "rests_on_dropped_events"}
    # Said once for all rows, or the number of the row.
    once = {"site", "visitor", "pk", "id"}
    for model, names, rows in (
        (Event, events, found["events"]),
        (VisitorOutcome, outcomes, found["outcomes"]),
    ):
        columns = {field.name for field in model._meta.get_fields()} - once
        # Of a table of its own.
        assert {names.get(name, name) for name in columns} == set(rows[0]) - {"order_digest"}


def test_order_is_in_it_as_a_digest(site):
    sent(event_message("conversion", order="A-1"), event_message("conversion", order="A-1"))
    first, second = exported(site)["events"]
    assert (first["order_digest"], first["doubts"]) == (second["order_digest"], [])
    assert (len(first["order_digest"]), second["doubts"]) == (32, ["repeated"])


def test_doubts_and_the_reason_to_leave_a_visitor_out_are_named(site, running_experiment):
    flags = Event.Flag.BOT | Event.Flag.BURST
    factories.make_event(running_experiment.variants.get(key="b"), flags=int(flags))
    fold_pending()
    found = exported(site)
    assert found["events"][0]["doubts"] == ["bot", "burst"]
    assert found["outcomes"][0]["left_out_as"] == "bot"


def test_visitor_of_another_site_is_not_in_it(site, other_site):
    factories.make_running_experiment(factories.make_slot(other_site), "rival-test")
    sent(event_message(), key="rival-client-key")
    assert exported(site) is None
    assert exported(other_site)["counts"]["events"] == 1


def test_history_tells_of_the_export_and_not_of_whom(site):
    sent(event_message())
    exported(site)
    assert exported(site, "v-9") is None
    record = AccessRecord.objects.get()
    assert (record.kind, record.note) == ("exported", "events: 1, experiments: 0")
    assert "v-1" not in " ".join(str(value) for value in vars(record).values())


def test_erased_visitor_is_told_of_the_erasure_alone(site):
    sent(event_message())
    fold_pending()
    erase_visitor(site=site, visitor="v-1", now=NOW - timedelta(hours=1))
    found = exported(site)
    assert (found["events"], found["outcomes"]) == ([], [])
    assert found["erased_at"] == (NOW - timedelta(hours=1)).isoformat()


@pytest.mark.redis
def test_entries_of_the_stream_are_in_it(site, stream, running_experiment):
    rows = [row_of(running_experiment, name) for name in ("v-1", "v-2", "v-1")]
    stream.append(encode_rows(rows))
    (entry,) = stream.read(consumer="c", count=1, block_s=1)
    stream.bury(entry, payload=entry.payload, reason="(v-2) breaks a rule", deliveries=3)
    stream.append(b"\xc1 v-1 \xc1")
    (entry,) = stream.read(consumer="c", count=1, block_s=1)
    stream.bury(Entry(id=entry.id, payload=entry.payload), payload=entry.payload, reason="?")
    # One that nobody has read, and one that a consumer has and did not store yet.
    for row in (rows[0], rows[1], rows[2]):
        stream.append(encode_rows([row]))
    stream.read(consumer="c", count=1, block_s=1)
    found = exported(site)
    counts = {"waiting": 2, "dead_letters": 2, "unreadable_entries": 1}
    assert found["counts"] == {"events": 0, "experiments": 0, **counts}
    assert [len(found[name]) for name in ("waiting", "dead_letters")] == [2, 2]
    assert found["waiting"][0]["experiment"] == running_experiment.key
    assert found["waiting"][0]["attributes"] == {"device": "mobile"}
    assert "v-2" not in json.dumps(found)


@pytest.mark.redis
def test_long_stream_is_read_to_its_end(site, stream, running_experiment, monkeypatch):
    monkeypatch.setattr("experiments.services.events.redis_stream.PAGE", 2)
    row = row_of(running_experiment, "v-1")
    for _ in range(5):
        stream.append(encode_rows([row]))
    assert exported(site)["counts"]["waiting"] == 5


def test_silent_redis_is_said_and_nothing_is_exported(site, settings):
    sent(event_message())
    settings.CTAOPT_EVENTS_URL = f"redis://127.0.0.1:{free_port()}/0"
    with pytest.raises(NotExportedError, match="Redis does not answer"):
        exported(site)
    assert not AccessRecord.objects.exists()
