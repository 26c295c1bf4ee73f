import gzip
import itertools
import json
import logging
from collections import Counter
from datetime import timedelta
from itertools import islice
from time import sleep

import pytest
from django.core.management import call_command
from django.db import InterfaceError, OperationalError, connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctaopt.observability.log_floods import FloodFilter
from experiments.api.public import access, events
from experiments.api.public.router import Edge
from experiments.assignment.explained_arms import explains
from experiments.models import Event, PendingBatch
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.events.redis_stream import configured_stream
from experiments.services.senders.event_limits import _limits
from experiments.services.serving.snapshot import build_snapshot
from experiments.services.serving.snapshot_store import SHORTEST_AGE_S, SnapshotStore
from tests import factories
from tests.experiments.api.public.conftest import django_app
from tests.factories import NOW, event_id, event_message
from tests.servers import free_port
from tests.wsgi_client import WSGIClient

pytestmark = pytest.mark.on_both_databases

PATH = "/api/v1/events"


def batch(*messages):
    return {"events": list(messages)}


def test_events_are_stored_and_acknowledged(browser, running_experiment):
    sent = batch(event_message(), event_message("click"), event_message("conversion", value=12.5))
    answer = browser.post(PATH, sent)
    assert (answer.status, answer.headers["content-type"]) == (202, "application/json")
    assert answer.json() == {"accepted": 3, "duplicates": 0, "rejected": []}
    assert Event.objects.count() == 3


def test_text_of_send_beacon_is_taken_with_the_key_in_the_address(browser, running_experiment):
    browser.key = ""
    answer = browser.post(
        PATH,
        batch(event_message()),
        query="key=shop-client-key",
        headers={"Content-Type": "text/plain;charset=UTF-8", "Origin": "https://shop.example"},
    )
    assert (answer.status, answer.json()["accepted"]) == (202, 1)
    assert answer.headers["access-control-allow-origin"] == "*"


def test_secret_key_opens_nothing_in_an_address(browser, running_experiment, server_key):
    # Addresses end up in logs.
    browser.key = ""
    answer = browser.post(PATH, batch(event_message()), query=f"key={server_key}")
    assert (answer.status, Event.objects.count()) == (401, 0)
    browser.key = server_key
    assert browser.post(PATH, batch(event_message())).status == 202


@pytest.mark.parametrize("query", ["", "key=", "key=unknown", "key=%FF", "keys=shop-client-key"])
def test_unknown_key_is_401_without_a_body(browser, running_experiment, query):
    browser.key = ""
    answer = browser.post(PATH, batch(event_message()), query=query)
    assert (answer.status, answer.body, Event.objects.count()) == (401, b"", 0)


def test_page_of_another_origin_is_refused(browser, running_experiment):
    running_experiment.slot.site.allowed_origins = ["https://shop.example"]
    running_experiment.slot.site.save()
    answer = browser.post(PATH, batch(event_message()), headers={"Origin": "https://evil.example"})
    assert (answer.status, Event.objects.count()) == (403, 0)


@pytest.mark.parametrize("key", ["demo-client-key", "demo-server-key"])
def test_published_keys_open_nothing_outside_the_demo(browser, running_experiment, settings, key):
    settings.CTAOPT_DEMO = False
    site = running_experiment.slot.site
    site.client_key = "demo-client-key"
    site.save()
    factories.make_server_key(site, "demo-server-key")
    browser.key = key
    assert browser.post(PATH, batch(event_message())).status == 401


@pytest.mark.parametrize(
    ("content", "details"),
    [
        (b"", "not JSON"),
        (b'{"events": [', "not JSON"),
        (b'{"events": ["\xff"]}', "not JSON"),
        (b"[" * 50_000, "not JSON"),
        ([], "events: must be a list"),
        ({}, "events: must be a list"),
        ({"events": None}, "events: must be a list"),
        ({"events": {}}, "events: must be a list"),
        ({"events": [0] * 1_001}, "events: at most 1000 in a batch, got 1001"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_unusable_body_is_refused_as_a_whole(browser, running_experiment, content, details):
    answer = browser.post(PATH, content)
    assert (answer.status, answer.json()["errorCode"]) == (400, "PARSE_ERROR")
    assert details in answer.json()["errorDetails"]


def test_beacon_of_64_kib_is_the_limit(browser, running_experiment):
    body = json.dumps(batch(event_message())).encode()
    assert browser.post(PATH, body.ljust(65_536)).status == 202
    assert browser.post(PATH, body.ljust(65_537)).status == 413


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "zstd", "gzip, gzip", "x"])
def test_compressed_body_is_refused_unread(browser, running_experiment, encoding):
    bomb = gzip.compress(bytes(20_000_000))
    assert len(bomb) < 65_536
    answer = browser.post(PATH, bomb, headers={"Content-Encoding": encoding})
    assert (answer.status, answer.json()["errorCode"]) == (415, "GENERAL")
    assert "compressed" in answer.json()["errorDetails"]


def test_encoding_that_changes_nothing_is_taken(browser, running_experiment):
    headers = {"Content-Encoding": "identity"}
    assert browser.post(PATH, batch(event_message()), headers=headers).status == 202


@pytest.mark.parametrize("hours", [-20, 3, 20])
@pytest.mark.parametrize("spoilt", [[], [{}]], ids=["good", "beside a bad one"])
def test_clock_that_is_wrong_is_put_right_by_the_time_of_sending(
    browser, running_experiment, hours, spoilt
):
    theirs = NOW + timedelta(hours=hours)
    seen = event_message(id=str(event_id(theirs)), at=(theirs - timedelta(minutes=5)).isoformat())
    answer = browser.post(PATH, batch(seen, *spoilt) | {"sent_at": theirs.isoformat()})
    assert (answer.status, answer.json()["accepted"]) == (202, 1)
    assert Event.objects.get().occurred_at == NOW - timedelta(minutes=5)


def test_slow_clock_costs_no_visitor_the_phase(browser, running_experiment):
    """It is an hour behind, and the shares have changed half an hour ago."""
    halves, thirds = ([0.5, 0.5], 1.0), ([0.7, 0.3], 1.0)
    every = NOW - timedelta(minutes=30) - running_experiment.started_at
    factories.make_phases(running_experiment, halves, thirds, every=every)
    bump_revision()
    theirs = (NOW - timedelta(hours=1)).isoformat()
    seen = batch(event_message(at=theirs, phase=1))
    for sent_at in ({}, {"sent_at": theirs}):
        browser.post(PATH, seen | sent_at)
        seen["events"][0]["id"] = str(event_id(NOW))
    assert list(Event.objects.order_by("occurred_at").values_list("propensity", flat=True)) == [
        None,
        0.3,
    ]


def test_old_page_does_not_tell_whether_its_arm_was_kept(browser, server_key, running_experiment):
    factories.make_phases(running_experiment, ([0.5, 0.5], 1.0), ([0.7, 0.3], 1.0))
    bump_revision()
    browser.post(PATH, batch(event_message(visitor="page")))
    authorization = {"Authorization": f"Bearer {server_key}"}
    browser.post(PATH, batch(event_message(visitor="server")), headers=authorization)
    stored = dict(Event.objects.values_list("visitor", "propensity"))
    assert stored == {"page": None, "server": 0.3}


def test_time_on_the_way_is_no_wrong_clock(browser, running_experiment):
    sent = (NOW - timedelta(seconds=9)).isoformat()
    browser.post(PATH, batch(event_message(at=sent)) | {"sent_at": sent})
    assert Event.objects.get().occurred_at == NOW - timedelta(seconds=9)


@pytest.mark.parametrize(
    "sent_at",
    [(NOW + timedelta(hours=25)).isoformat(), "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"],
)
def test_clock_of_which_nothing_is_believed_is_refused(browser, running_experiment, sent_at):
    answer = browser.post(PATH, batch(event_message()) | {"sent_at": sent_at})
    assert (answer.status, Event.objects.count()) == (400, 0)
    assert "sent_at: the clock is off by more than 1 day" in answer.json()["errorDetails"]


@pytest.mark.parametrize("sent_at", ["yesterday", 5, "2026-11-22T12:00:00", []])
def test_time_of_sending_must_be_one(browser, running_experiment, sent_at):
    answer = browser.post(PATH, batch(event_message()) | {"sent_at": sent_at})
    assert (answer.status, Event.objects.count()) == (400, 0)
    assert answer.json()["errorDetails"].startswith("sent_at: ")


def test_bad_event_is_named_and_the_others_are_taken(browser, running_experiment):
    sent = batch(event_message(), {"type": "exposure"}, event_message(visitor="v-2"), None)
    answer = browser.post(PATH, sent)
    assert answer.status == 202
    assert answer.json()["accepted"] == 2
    assert [one["index"] for one in answer.json()["rejected"]] == [1, 3]
    assert all(one["reason"] for one in answer.json()["rejected"])


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_events_that_cannot_be_stored_are_not_acknowledged(
    browser, running_experiment, monkeypatch, caplog, error
):
    def disk_full(**_):
        raise error("database or disk is full")

    monkeypatch.setattr(PendingBatch.objects, "create", disk_full)
    with caplog.at_level(logging.ERROR):
        answer = browser.post(PATH, batch(event_message()))
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert "disk is full" in caplog.text
    assert Event.objects.count() == 0


def test_outage_is_logged_once_however_many_requests_fail(
    browser, running_experiment, monkeypatch, caplog
):
    def silent(**_):
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(PendingBatch.objects, "create", silent)
    floods = FloodFilter(3600.0)
    caplog.handler.addFilter(floods)
    try:
        with caplog.at_level(logging.ERROR):
            answers = {
                browser.post(PATH, batch(*[event_message()] * n)).status for n in range(1, 51)
            }
    finally:
        caplog.handler.removeFilter(floods)
        floods.begin_anew()
    assert answers == {503}
    assert [record.name for record in caplog.records] == ["experiments.api.public.events"]


def given_b(count, prefix="v-"):
    """So many visitors whose hash gives them arm b of the experiment."""
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    (experiment,) = site.slots["hero"].experiments
    names = (f"{prefix}{number}" for number in itertools.count())
    return list(islice((v for v in names if explains(experiment.allocation, v, 1)), count))


def test_queries_do_not_grow_with_the_batch(running_experiment):
    app = Edge(django_app, SnapshotStore(max_age_s=3600.0))
    page = WSGIClient(app, key="shop-client-key")
    page.post(PATH, batch(event_message()))
    counts = []
    visitors = given_b(50)
    for size in (1, 50):
        with CaptureQueriesContext(connection) as queries:
            messages = (event_message(visitor=visitor) for visitor in visitors[:size])
            page.post(PATH, batch(*messages))
        counts.append(len(queries))
    # SAVEPOINT (in a test; a transaction otherwise), who was erased, which sites keep digests,
    # batch, events, RELEASE.
    # PostgreSQL copies the events, which is not counted, within a savepoint of their own, and
    # takes a lock against an erasure.
    assert counts == [6 if connection.vendor == "sqlite" else 9] * 2


def test_batch_with_nothing_to_store_asks_no_database(
    running_experiment, django_assert_num_queries
):
    app = Edge(django_app, SnapshotStore(max_age_s=3600.0))
    page = WSGIClient(app, key="shop-client-key")
    page.post(PATH, batch())
    with django_assert_num_queries(0):
        assert page.post(PATH, batch({}, event_message(slot="nowhere"))).status == 202


GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def flags_of_one(client, headers=None, environ=None, **changes):
    """Send an exposure; return the flags it is kept with."""
    message = event_message(**changes)
    answer = client.post(PATH, batch(message), headers=headers, environ=environ)
    assert (answer.status, answer.json()["accepted"]) == (202, 1)
    return Event.objects.get(event_id=message["id"]).flags


def test_doubtful_events_are_kept_with_their_flags(browser, running_experiment):
    site = running_experiment.slot.site
    site.internal_networks, site.internal_visitors = ["192.0.2.0/24"], ["staff-"]
    site.save()
    flag = Event.Flag
    assert flags_of_one(browser) == 0
    assert flags_of_one(browser, {"User-Agent": GOOGLEBOT}) == flag.BOT
    assert flags_of_one(browser, {"Sec-Purpose": "prefetch;prerender"}) == flag.PREFETCH
    assert flags_of_one(browser, {"Purpose": "prefetch"}) == flag.PREFETCH
    assert flags_of_one(browser, environ={"REMOTE_ADDR": "192.0.2.9"}) == flag.INTERNAL
    assert flags_of_one(browser, visitor=given_b(1, "staff-")[0]) == flag.INTERNAL
    internal = {"ctaopt_internal": True, "device": "mobile"}
    assert flags_of_one(browser, attributes=internal) == flag.INTERNAL
    assert Event.objects.exclude(attributes={}).get().attributes == {"device": "mobile"}


def test_arm_that_the_hash_does_not_give_is_kept_with_a_flag(browser, running_experiment):
    sent = {arm: flags_of_one(browser, variant=arm) for arm in ("control", "b", "b@0", "b@9")}
    flag = Event.Flag.UNEXPLAINED
    assert sent == {"control": flag, "b": 0, "b@0": 0, "b@9": flag}
    assert flags_of_one(browser, type="click", variant="control") == flag


def test_server_is_believed_about_every_arm(browser, running_experiment, server_key):
    browser.key = server_key
    assert {flags_of_one(browser, variant=arm) for arm in ("control", "b")} == {0}


def test_shares_that_another_process_read_first_are_looked_up(running_experiment, time_machine):
    app = Edge(django_app, SnapshotStore(max_age_s=3600.0))
    page = WSGIClient(app, key="shop-client-key")
    assert flags_of_one(page, variant="control") == Event.Flag.UNEXPLAINED
    factories.make_phases(running_experiment, ([0.5, 0.5], 1.0), ([0.99, 0.01], 1.0))
    bump_revision()
    sleep(SHORTEST_AGE_S)
    assert flags_of_one(page, variant="control", phase=1) == 0


def test_headers_of_a_server_say_nothing_about_the_visitor(browser, running_experiment, server_key):
    browser.key = server_key
    headers = {"User-Agent": GOOGLEBOT, "Sec-Purpose": "prefetch"}
    assert flags_of_one(browser, headers) == 0


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "192.0.2.9", 0),  # Anybody may write that.
        (1, "192.0.2.9", Event.Flag.INTERNAL),
        (1, "192.0.2.9, 198.51.100.7", 0),
        (2, "198.51.100.7, 192.0.2.9, 10.0.0.1", Event.Flag.INTERNAL),
        (2, "192.0.2.9", 0),  # Past the proxies: what its socket says.
        (1, "", 0),
    ],
)
def test_address_is_the_one_that_the_own_proxies_saw(
    browser, running_experiment, settings, proxies, forwarded, expected
):
    settings.CTAOPT_PROXIES = proxies
    site = running_experiment.slot.site
    site.internal_networks = ["192.0.2.0/24"]
    site.save()
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert flags_of_one(browser, headers, {"REMOTE_ADDR": "198.51.100.1"}) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def spoilt(kind):
    """A good event in which any field may be anything at all."""
    fields = [*event_message(kind), "experiment", "value", "currency"]
    changes = st.dictionaries(st.sampled_from(fields), json_values | st.just("\0"), max_size=3)
    return changes.map(lambda changed: event_message(kind) | changed)


messages = st.one_of(*map(spoilt, ("exposure", "click", "conversion")), json_values)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(content=st.lists(messages, max_size=5).map(lambda many: batch(*many)) | json_values)
def test_no_event_breaks_the_service(browser, running_experiment, content):
    before = Event.objects.count()
    answer = browser.post(PATH, content)
    assert answer.status in {202, 400}
    if answer.status == 202:
        body = answer.json()
        answered = body["accepted"] + body["duplicates"] + len(body["rejected"])
        assert answered == len(content["events"])
        assert Event.objects.count() == before + body["accepted"]


@pytest.fixture
def stream(redis_server, settings):
    """The service with a Redis Stream between web and database."""
    settings.CTAOPT_EVENTS_URL = redis_server.url()
    stream = configured_stream()
    stream.client.flushdb()
    return stream


@pytest.mark.redis
def test_events_behind_a_stream_are_acknowledged_by_redis(browser, running_experiment, stream):
    message = event_message()
    sent = batch(message, {"type": "exposure"}, message, event_message("click"))
    answer = browser.post(PATH, sent)
    assert answer.status == 202
    # Whether an id was stored before is not known yet: repeats within the request are.
    assert (answer.json()["accepted"], answer.json()["duplicates"]) == (2, 1)
    assert [one["index"] for one in answer.json()["rejected"]] == [1]
    assert (stream.depths().waiting, Event.objects.count()) == (1, 0)
    again = browser.post(PATH, batch(message))
    assert again.json() == {"accepted": 1, "duplicates": 0, "rejected": []}
    call_command("consume_events", "--drain")
    assert (stream.depths().waiting, Event.objects.count()) == (0, 2)


@pytest.mark.redis
def test_flags_and_time_of_arrival_go_through_the_stream(browser, running_experiment, stream):
    message = event_message(attributes={"device": "mobile"})
    browser.post(PATH, batch(message), headers={"User-Agent": GOOGLEBOT})
    call_command("consume_events", "--drain")
    event = Event.objects.get()
    assert (event.flags, event.received_at) == (Event.Flag.BOT, NOW)
    assert (event.variant.key, event.attributes) == ("b", {"device": "mobile"})


@pytest.mark.redis
def test_stream_gets_nothing_of_a_batch_without_events(browser, running_experiment, stream):
    assert browser.post(PATH, batch({}, event_message(slot="nowhere"))).status == 202
    assert stream.depths().waiting == 0


@pytest.mark.redis
def test_stream_that_takes_no_more_is_503(browser, running_experiment, stream, caplog):
    stream.max_entries = 0
    try:
        answer = browser.post(PATH, batch(event_message()))
    finally:
        stream.max_entries = 1_000_000
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert "wait to be stored" in caplog.text
    assert stream.depths().waiting == 0


@pytest.mark.redis
def test_metrics_tell_how_much_waits_in_the_stream(browser, running_experiment, stream):
    browser.post(PATH, batch(event_message()))
    text = browser.get("/metrics").body.decode()
    assert 'ctaopt_event_stream_entries{state="waiting"} 1.0' in text
    assert 'ctaopt_event_stream_entries{state="dead"} 0.0' in text


def test_metrics_have_no_figure_of_a_redis_that_is_away(browser, running_experiment, settings):
    settings.CTAOPT_EVENTS_URL = f"redis://127.0.0.1:{free_port()}/0"
    assert "event_stream_entries{" not in browser.get("/metrics").body.decode()


latin = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=40)
starts = (b"", b"[", b'{"events":', b'{"events":[', b"\xef\xbb\xbf", b'{"events":[{"id":')
middles = (b"[" * 9_000, b"1" * 5_000, b"1e999", b"-" * 9)
bodies = st.one_of(
    st.binary(max_size=400),
    st.builds(
        lambda *parts: b"".join(parts),
        st.sampled_from(starts),
        st.binary(max_size=60) | st.sampled_from(middles),
        st.sampled_from([b"", b"]}", b"}]}", b'"}]}']),
    ),
)
HEADERS = ("Content-Encoding", "Content-Type", "Origin", "User-Agent", "Sec-Purpose")
HEADERS += ("X-Forwarded-For", "Authorization", "X-API-Key")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    body=bodies,
    query=latin,
    headers=st.dictionaries(st.sampled_from(HEADERS), latin, max_size=4),
    announced=st.none() | st.integers(0, 70_000).map(str),
)
def test_no_request_breaks_the_service(
    browser, running_experiment, body, query, headers, announced
):
    headers |= {"Content-Length": announced} if announced else {}
    answer = browser.request("POST", PATH, body=body, query=query, headers=headers)
    assert answer.status in {202, 400, 401, 403, 413, 415}
    assert not Event.objects.exists()


@pytest.fixture
def limited(settings, monkeypatch):
    """Ten events a second by key, a tenth by address; twice, or a minute of that, at once."""
    settings.CTAOPT_EVENTS_PER_KEY_PER_S = 10.0
    settings.CTAOPT_EVENTS_PER_ADDRESS_PER_S = 0.1
    monkeypatch.setattr(events, "monotonic", lambda: 0.0)
    _limits.cache_clear()


def posts(client, count, address="", **headers):
    """Statuses of so many requests, a visitor each."""
    environ = {"REMOTE_ADDR": address} if address else {}
    answers = (
        client.post(PATH, batch(event_message()), environ=environ, headers=headers)
        for _ in range(count)
    )
    return Counter(answer.status for answer in answers)


def test_key_that_sends_too_much_is_refused_with_the_time_to_wait(
    browser, running_experiment, limited
):
    assert posts(browser, 40) == {202: 20, 429: 20}
    answer = browser.post(PATH, batch(event_message()))
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "too many events" in answer.json()["errorDetails"]
    assert Event.objects.count() == 20


def test_address_that_sends_too_much_stops_nobody_else(browser, running_experiment, limited):
    assert posts(browser, 20, "198.51.100.7") == {202: 6, 429: 14}
    assert posts(browser, 3, "198.51.100.8") == {202: 3}
    # Of an address of one's own network nothing is known: it may be a proxy.
    assert posts(browser, 11, "10.0.0.1") == {202: 11}


def test_address_is_the_one_that_the_own_proxy_saw(browser, running_experiment, limited, settings):
    settings.CTAOPT_PROXIES = 1
    forged = [{"X-Forwarded-For": f"203.0.113.{n}, 198.51.100.9"} for n in range(20)]
    statuses = Counter()
    for headers in forged:
        statuses += posts(browser, 1, "10.0.0.1", **headers)
    assert statuses == {202: 6, 429: 14}


def test_proxy_that_was_not_declared_is_named_in_the_log(
    browser, running_experiment, caplog, monkeypatch
):
    monkeypatch.setattr(
        access, "_warn_of_undeclared_proxy", access._warn_of_undeclared_proxy.__wrapped__
    )
    posts(browser, 1, "10.0.0.1", **{"X-Forwarded-For": "203.0.113.5"})
    assert "CTAOPT_PROXIES is 0" in caplog.text


def test_server_is_not_limited_by_its_address(browser, running_experiment, server_key, limited):
    browser.key = server_key
    assert posts(browser, 20, "198.51.100.7") == {202: 20}
