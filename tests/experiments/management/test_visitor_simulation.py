"""Visitors against the service's own callable, called in this process instead of over a socket."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from scipy.stats import binomtest

from experiments.api.public.router import Edge
from experiments.management import visitor_simulation
from experiments.management.connection import Answer, ServiceError
from experiments.management.visitor_simulation import Visits, event_id, simulate
from experiments.models import Event
from experiments.services.serving.snapshot_store import SnapshotStore
from tests import factories
from tests.wsgi_client import WSGIClient

SINCE = datetime.now(UTC) - timedelta(days=2)


@pytest.fixture
def service(running_experiment, monkeypatch):
    """The shop's service; what is posted to it is kept."""
    posted = []
    edge = Edge(lambda *_: [], SnapshotStore(max_age_s=0))

    class Local:
        sent_again = 0

        def __init__(self, url, *, key):
            self.client = WSGIClient(edge, key=key)

        def post(self, path, content):
            posted.append((path, content))
            answer = self.client.post(path, content)
            if answer.status >= 300:
                raise ServiceError(f"HTTP {answer.status}")
            return Answer(status=answer.status, body=answer.json())

        def close(self):
            pass

    monkeypatch.setattr(visitor_simulation, "Connection", Local)
    return posted


def visits(**changes):
    # One thread: an in-memory database belongs to the thread of the test.
    values = {
        "url": "",
        "key": "shop-client-key",
        "slot": "hero",
        "visitors": 200,
        "seed": 3,
        "rates": {"control": 0.1, "b": 0.6},
        "since": SINCE,
        "spread": timedelta(days=1),
        "locale": "fr",
        "threads": 1,
    }
    return Visits(**(values | changes))


@pytest.fixture(autouse=True)
def in_this_thread(monkeypatch):
    """Run what is handed to the pool at once."""

    class Pool:
        def __init__(self, _):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def submit(self, function, *arguments):
            value = function(*arguments)
            return type("Done", (), {"result": lambda _: value})()

    monkeypatch.setattr(visitor_simulation, "ThreadPoolExecutor", Pool)


def test_every_visitor_is_exposed_once_and_clicks_once_at_most(service):
    tally = simulate(visits())
    stored = Counter(Event.objects.values_list("type", flat=True))
    assert sum(tally.shown.values()) == stored["exposure"] == 200
    assert sum(tally.clicked.values()) == stored["click"]
    assert tally.accepted == Event.objects.count()


def test_clicks_follow_the_stated_rates(service):
    tally = simulate(visits(visitors=600))
    for arm, rate in visits().rates.items():
        assert binomtest(tally.clicked[arm], tally.shown[arm], rate).pvalue > 0.001, arm


def test_same_visits_again_change_nothing(service):
    first = simulate(visits())
    again = simulate(visits())
    assert again.arms == first.arms
    assert (again.accepted, again.duplicates) == (0, first.accepted)


def test_other_seed_brings_other_visitors(service):
    assert not simulate(visits()).arms.keys() & simulate(visits(seed=4)).arms.keys()


def test_exposures_say_what_may_split_a_report(service):
    simulate(visits())
    known = Event.objects.filter(type="exposure").values_list("attributes", flat=True)
    assert {row["device"] for row in known} == {"mobile", "desktop"}
    assert {row["new_visitor"] for row in known} == {True, False}
    assert {row["locale"] for row in known} == {"fr"}


def test_visits_lie_in_their_days(service):
    simulate(visits())
    moments = Event.objects.filter(type="exposure").values_list("occurred_at", flat=True)
    assert SINCE <= min(moments) < max(moments) < SINCE + timedelta(days=1)


def test_visitors_outside_experiments_send_no_events(service, slot, site):
    factories.make_slot(site, "footer")
    tally = simulate(visits(slot="footer"))
    assert (tally.outside, tally.accepted, Event.objects.count()) == (200, 0, 0)


def test_arm_without_a_rate_is_named(service):
    with pytest.raises(ServiceError, match="no click rate for arm"):
        simulate(visits(rates={"a": 0.5}))


def test_unknown_slot_stops_the_visits(service):
    with pytest.raises(ServiceError, match="404"):
        simulate(visits(slot="nix"))
    assert len(service) == 1


def test_rejected_events_stop_the_visits(service):
    with pytest.raises(ServiceError, match="at: is more than 30 days ago"):
        simulate(visits(since=SINCE - timedelta(days=60)))


def test_event_ids_are_version_7_and_bear_their_time():
    at = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    unique = event_id(at, "exposure:v-1")
    assert unique.version == 7
    assert unique.variant == "specified in RFC 4122"
    assert unique.int >> 80 == at.timestamp() * 1_000
    assert unique == event_id(at, "exposure:v-1") != event_id(at, "click:v-1")
