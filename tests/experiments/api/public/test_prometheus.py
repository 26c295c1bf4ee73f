import sys

import pytest
from django.db import OperationalError
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from experiments.api.public.ofrep import PREFIX
from experiments.api.public.prometheus import Tallies
from experiments.models import CacheWatch, PendingBatch
from experiments.selectors import reports
from tests.factories import NOW, event_message
from tests.threads import in_threads

pytestmark = pytest.mark.on_both_databases

VISITOR = {"context": {"targetingKey": "v-1"}}


@pytest.fixture
def grown():
    """How much a counter has grown since the test began: the registry is the process's own."""
    before = {}
    for family in REGISTRY.collect():
        for sample in family.samples:
            before[sample.name, tuple(sorted(sample.labels.items()))] = sample.value

    def growth(name, **labels):
        value = REGISTRY.get_sample_value(name, labels) or 0
        return value - before.get((name, tuple(sorted(labels.items()))), 0)

    return growth


def test_metrics_are_read_by_prometheus_itself(browser, slot):
    browser.post(f"{PREFIX}/hero", VISITOR)
    answer = browser.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    names = {family.name for family in text_string_to_metric_families(answer.body.decode())}
    assert names >= {"ctaopt_request_seconds", "ctaopt_evaluations", "ctaopt_events"}


def test_metrics_are_not_for_scripts_of_other_websites(browser):
    answer = browser.get("/metrics", headers={"Origin": "https://shop.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_evaluations_are_counted_by_slot_and_reason(browser, running_experiment, grown):
    browser.post(f"{PREFIX}/hero", VISITOR)
    browser.post(PREFIX, VISITOR)
    labels = {"site": "shop", "slot": "hero", "reason": "SPLIT"}
    assert grown("ctaopt_evaluations_total", **labels) == 2


def test_unknown_slots_share_one_label(browser, slot, grown):
    for number in range(3):
        browser.post(f"{PREFIX}/no-such-{number}", VISITOR)
    labels = {"site": "shop", "slot": "", "reason": "FLAG_NOT_FOUND"}
    assert grown("ctaopt_evaluations_total", **labels) == 3
    assert "no-such" not in browser.get("/metrics").body.decode()


def test_events_are_counted_by_what_became_of_them(browser, running_experiment, grown):
    message = event_message()
    browser.post("/api/v1/events", {"events": [message, message, {}]})
    for outcome in ("accepted", "duplicate", "rejected"):
        assert grown("ctaopt_events_total", site="shop", outcome=outcome) == 1


def test_events_that_could_not_be_stored_are_counted(
    browser, running_experiment, grown, monkeypatch
):
    def silent(**_):
        raise OperationalError("disk full")

    monkeypatch.setattr(PendingBatch.objects, "create", silent)
    browser.post("/api/v1/events", {"events": [event_message(), event_message()]})
    assert grown("ctaopt_events_total", site="shop", outcome="not_stored") == 2


@pytest.mark.parametrize(("key", "status"), [("shop-client-key", 200), ("unknown", 401)])
def test_requests_are_timed_by_route_and_status(browser, slot, grown, key, status):
    browser.key = key
    browser.post(f"{PREFIX}/hero", VISITOR)
    labels = {"route": "evaluate_one", "status": str(status)}
    assert grown("ctaopt_request_seconds_count", **labels) == 1


def test_no_count_is_lost_between_threads():
    tallies = Tallies()

    def count():
        for _ in range(50_000):
            tallies.evaluations["shop", "hero", "SPLIT"] += 1
            tallies.timing("evaluate_one", 200).observe(0.25)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        assert in_threads(*[count] * 4) == [None] * 4
    finally:
        sys.setswitchinterval(interval)
    requests, evaluations = tallies.collect()
    assert evaluations.samples[0].value == 200_000
    values = {sample.name: sample.value for sample in requests.samples}
    assert values["ctaopt_request_seconds_count"] == 200_000
    assert values["ctaopt_request_seconds_sum"] == 50_000


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(0.0, "1e-05"), (1e-5, "1e-05"), (0.3, "0.5"), (99.0, "+Inf")]
)
def test_time_falls_into_the_first_bucket_that_holds_it(seconds, bucket):
    tallies = Tallies()
    tallies.timing("r", 200).observe(seconds)
    requests, _ = tallies.collect()
    full = [sample.labels.get("le") for sample in requests.samples if sample.value]
    assert full[0] == bucket


def test_frozen_arms_are_told(browser, running_experiment):
    assert "ctaopt_frozen_arm{" not in browser.get("/metrics").body.decode()
    watch = CacheWatch.objects.create(
        experiment=running_experiment,
        checked_until=NOW,
        alarmed_at=NOW,
        arm=running_experiment.variants.get(arm=1),
    )
    told = 'ctaopt_frozen_arm{experiment="hero-test",site="shop"} 1.0'
    assert told in browser.get("/metrics").body.decode()
    watch.delete()
    assert "ctaopt_frozen_arm{" not in browser.get("/metrics").body.decode()


def test_metrics_are_told_while_the_database_is_silent(browser, slot, monkeypatch):
    def silent():
        raise OperationalError("gone")

    monkeypatch.setattr(reports, "cache_alarms", silent)
    assert browser.get("/metrics").status == 200
