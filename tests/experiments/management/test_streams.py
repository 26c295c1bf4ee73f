"""The commands of the Redis Stream."""

import pytest
from django.core.management import CommandError, call_command

from experiments.models import Event
from experiments.services.events.ingestion import accept
from experiments.services.events.redis_stream import configured_stream
from experiments.services.events.stream_codec import STORAGE
from experiments.services.serving.snapshot import build_snapshot
from tests.factories import NOW, event_message
from tests.servers import free_port

pytestmark = pytest.mark.redis


@pytest.fixture
def stream(redis_server, settings):
    settings.CTAOPT_EVENTS_URL = redis_server.url()
    stream = configured_stream()
    stream.client.flushdb()
    return stream


def entry(*messages):
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    return STORAGE.encode(accept(site=site, items=messages, now=NOW).rows)


def run(capsys, *arguments, **options):
    call_command(*arguments, **options)
    return capsys.readouterr().out


@pytest.mark.parametrize("command", ["consume_events", "dead_events"])
def test_command_says_that_there_is_no_stream(db, command):
    with pytest.raises(CommandError, match="CTAOPT_EVENTS_URL is not set"):
        call_command(command)


def test_consumer_stores_what_waits(stream, running_experiment, capsys):
    message = event_message()
    stream.append(entry(message, event_message("click")))
    stream.append(entry(message))
    output = run(capsys, "consume_events", "--drain")
    assert "2 events stored, 1 known before, 0 entries dead, in " in output
    assert Event.objects.count() == 2
    assert stream.depths().waiting == 0


def test_dead_entries_are_listed_replayed_and_dropped(stream, running_experiment, capsys):
    for payload in (b"{", entry(event_message(), event_message())):
        stream.append(payload)
    stream.make_group()
    for one in stream.read(consumer="one", count=10, block_s=0.01):
        stream.bury(one, payload=one.payload, reason="too bad")
    output = run(capsys, "dead_events")
    assert "1 bytes  too bad" in output
    assert "2 events  too bad" in output
    assert "2 dead entries; 0 wait, 0 of them are being stored." in output
    _, good = stream.dead(count=10)
    assert "1 entries put back" in run(capsys, "dead_events", "replay", good.id)
    assert "1 entries dropped" in run(capsys, "dead_events", "drop", "--all")
    run(capsys, "consume_events", "--drain")
    assert (Event.objects.count(), stream.depths().dead) == (2, 0)


@pytest.mark.parametrize("action", ["replay", "drop"])
def test_dead_entries_are_moved_by_name_only(stream, action):
    with pytest.raises(CommandError, match="Name the ids"):
        call_command("dead_events", action)
    with pytest.raises(CommandError, match="no dead entry 7-7"):
        call_command("dead_events", action, "7-7")


def test_command_says_that_redis_is_away(settings):
    settings.CTAOPT_EVENTS_URL = f"redis://127.0.0.1:{free_port()}/0"
    with pytest.raises(CommandError, match="Redis does not answer"):
        call_command("dead_events")
