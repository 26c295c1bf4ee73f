import logging
import threading
from datetime import timedelta
from time import monotonic, sleep

import pytest
from django.db import InterfaceError, OperationalError

from experiments.event_schema.messages import MAX_AGE
from experiments.models import CTAWording, Experiment, ServerKey, Site, Variant
from experiments.selectors import serving
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.catalogue.cta_content import cta_values
from experiments.services.catalogue.server_keys import server_key_digest
from experiments.services.serving import snapshot_store as module
from experiments.services.serving.snapshot import Snapshot, build_snapshot
from experiments.services.serving.snapshot_store import SnapshotStore
from tests import factories
from tests.factories import NOW, STARTED

pytestmark = pytest.mark.on_both_databases

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def connection_of_the_test(monkeypatch):
    """The store tidies up after itself; the connection with this test's transaction stays."""
    monkeypatch.setattr(module, "close_old_connections", lambda: None)


def built():
    return build_snapshot(revision=1, now=NOW)


def test_snapshot_holds_each_site_with_its_own_slots(site, other_site):
    factories.make_slot(site, "hero")
    factories.make_slot(site, "footer")
    keys = built().client_keys
    assert list(keys["shop-client-key"].slots) == ["footer", "hero"]
    assert list(keys["rival-client-key"].slots) == []


def test_queries_do_not_grow_with_the_catalogue(running_experiment, django_assert_num_queries):
    # Experiments, arms, their wordings, their phases; slots, their wordings; keys; sites.
    with django_assert_num_queries(8):
        built()
    for number in range(3):
        site = factories.make_site(f"site-{number}")
        factories.make_server_key(site)
        for slot in (factories.make_slot(site, "a"), factories.make_slot(site, "b")):
            factories.make_running_experiment(slot, f"{site.key}-{slot.key}")
    with django_assert_num_queries(8):
        built()


def test_experiment_is_compiled_with_shares_coverage_and_namespace(slot):
    space = slot.site.namespaces.create(key="space", seed="space-seed")
    factories.make_running_experiment(
        slot,
        shares={"control": "0.2", "b": "0.3", "c": "0.5"},
        coverage="0.5",
        seed="old-seed",
        namespace=space,
        namespace_start="0.25",
        namespace_end="0.75",
    )
    served = built().client_keys["shop-client-key"].slots["hero"].experiments[0]
    assert served.allocation.seed == "old-seed"
    assert served.allocation.ranges == ((0.0, 0.1), (0.2, 0.35), (0.5, 0.75))
    assert served.allocation.filters[0].seed == "space-seed"
    assert served.allocation.filters[0].ranges == ((0.25, 0.75),)
    assert [variant.propensity for variant in served.variants] == [0.2, 0.3, 0.5]


def test_holdout_and_namespace_are_filters_of_every_experiment(site):
    Site.objects.update(holdout="0.1")
    space = site.namespaces.create(key="space", seed="space-seed", unit="company")
    part = {"namespace": space, "namespace_start": "0", "namespace_end": "0.5"}
    factories.make_running_experiment(factories.make_slot(site), **part)
    served = built().client_keys["shop-client-key"].slots["hero"].experiments[0]
    held_out, namespace = served.allocation.filters
    assert (held_out.seed, held_out.ranges, held_out.unit) == ("shop:holdout", ((0.1, 1.0),), None)
    assert (namespace.seed, namespace.unit) == ("space-seed", "company")


def test_phases_are_compiled_with_the_arms_of_before(running_experiment):
    factories.make_phases(
        running_experiment, ([0.5, 0.5], 1.0), ([0.8, 0.2], 1.0), every=NOW - STARTED
    )
    served = built().client_keys["shop-client-key"].slots["hero"].experiments[0]
    assert [phase.propensities for phase in served.phases] == [(0.5, 0.5), (0.8, 0.2)]
    assert served.allocation.arms == (0, 1, 0)
    assert [[one.arm for one in piece.former] for piece in served.allocation.pieces] == [
        *([[]] * 3),
        [1],
        [],
    ]
    assert served.phase_at(NOW - DAY).number == served.phase_at(STARTED - DAY).number == 0
    assert served.phase_at(NOW).number == 1


def test_seed_is_the_key_unless_given(running_experiment):
    served = built().client_keys["shop-client-key"].slots["hero"].experiments[0]
    assert served.allocation.seed == "hero-test"


@pytest.mark.parametrize(
    ("status", "stopped_at", "is_there"),
    [
        ("draft", None, False),
        ("running", None, True),
        ("paused", None, True),
        ("stopped", NOW - DAY, True),
        ("archived", NOW - DAY, True),
        ("stopped", NOW - MAX_AGE - DAY, False),
    ],
)
def test_experiments_stay_while_events_may_come(slot, status, stopped_at, is_there):
    factories.make_experiment(slot, status=status, started_at=NOW - 40 * DAY, stopped_at=stopped_at)
    experiments = built().client_keys["shop-client-key"].slots["hero"].experiments
    assert len(experiments) == is_there


def test_imported_figures_are_not_served(running_experiment):
    Experiment.objects.update(origin=Experiment.Origin.IMPORTED)
    assert built().client_keys["shop-client-key"].slots["hero"].experiments == ()


def test_broken_experiment_costs_no_other_slot_its_own(running_experiment, caplog):
    footer = factories.make_slot(running_experiment.slot.site, "footer")
    factories.make_running_experiment(footer, "footer-test")
    Variant.objects.filter(experiment=running_experiment, arm=1).update(share="0.1")
    with caplog.at_level(logging.ERROR):
        slots = built().client_keys["shop-client-key"].slots
    assert slots["hero"].experiments == ()
    assert [one.key for one in slots["footer"].experiments] == ["footer-test"]
    assert "hero-test cannot be served" in caplog.text
    assert "shares" in caplog.text


def test_revoked_key_opens_nothing(site, server_key):
    assert server_key_digest(server_key) in built().server_key_digests
    ServerKey.objects.update(revoked_at=NOW)
    assert built().server_key_digests == {}


@pytest.mark.parametrize("is_demo", [True, False])
def test_published_keys_are_for_the_demo(db, settings, is_demo):
    settings.CTAOPT_DEMO = is_demo
    site = factories.make_site("demo")
    factories.make_server_key(site, "demo-server-key")
    snapshot = built()
    assert ("demo-client-key" in snapshot.client_keys) is is_demo
    assert bool(snapshot.server_key_digests) is is_demo


def test_cta_without_wording_is_empty(slot):
    CTAWording.objects.all().delete()
    assert built().client_keys["shop-client-key"].slots["hero"].default_values == {}


def silent(*_, **__):
    raise OperationalError("connection refused")


def test_store_reads_the_configuration_when_its_revision_moves(site, django_assert_num_queries):
    store = SnapshotStore(max_age_s=0.0)
    first = store.current()
    with django_assert_num_queries(1):
        assert store.current() is first
    bump_revision()
    assert store.current().revision == first.revision + 1


def test_store_asks_nobody_while_it_is_fresh(site, django_assert_num_queries):
    store = SnapshotStore(max_age_s=3600.0)
    first = store.current()
    bump_revision()
    with django_assert_num_queries(0):
        assert store.current() is first


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_store_serves_the_old_snapshot_while_the_database_is_silent(
    site, monkeypatch, caplog, error
):
    store = SnapshotStore(max_age_s=0.0)
    first = store.current()
    bump_revision()
    with monkeypatch.context() as patch:
        patch.setattr(serving, "sites_to_serve", lambda: (_ for _ in ()).throw(error("gone")))
        assert store.current() is first
        assert "gone" in caplog.text
    assert store.current().revision == first.revision + 1


def test_store_does_not_ask_a_silent_database_for_every_request(site, monkeypatch):
    clock = iter([0.0, 10.0, 10.0, 10.5, 11.5, 11.5])
    monkeypatch.setattr(module, "monotonic", lambda: next(clock))
    store = SnapshotStore(max_age_s=1.0)
    first = store.current()
    asked = []
    monkeypatch.setattr(serving, "config_revision", lambda: asked.append(1) or silent())
    answers = [store.current() for _ in range(3)]  # At 10.0, 10.5 and 11.5 seconds.
    assert answers == [first] * 3
    assert len(asked) == 2


def test_store_without_any_snapshot_says_so(db, monkeypatch):
    monkeypatch.setattr(serving, "config_revision", silent)
    with pytest.raises(OperationalError, match="connection refused"):
        SnapshotStore(max_age_s=0.0).current()


def test_only_one_thread_reads_while_the_others_go_on(site, monkeypatch):
    store = SnapshotStore(max_age_s=0.0)
    first = store.current()
    entered, leave = threading.Event(), threading.Event()

    def slow_revision():
        entered.set()
        assert leave.wait(timeout=10)
        return first.revision

    monkeypatch.setattr(serving, "config_revision", slow_revision)
    reader = threading.Thread(target=store.current)
    reader.start()
    assert entered.wait(timeout=10)
    assert store.current() is first  # Would wait for ever if it asked too.
    leave.set()
    reader.join(timeout=10)
    assert not reader.is_alive()


def test_threads_that_start_together_read_once(monkeypatch):
    asked, together = [], threading.Barrier(4)
    snapshot = Snapshot(revision=1, client_keys={}, server_key_digests={})
    monkeypatch.setattr(serving, "config_revision", lambda: asked.append(1) or 1)
    monkeypatch.setattr(module, "build_snapshot", lambda **_: snapshot)
    store = SnapshotStore(max_age_s=3600.0)
    got = []

    def start():
        together.wait(timeout=10)
        got.append(store.current())

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert (got, len(asked)) == ([snapshot] * 4, 1)


def wait_until(is_so, seconds=10):
    deadline = monotonic() + seconds
    while not is_so():
        assert monotonic() < deadline
        sleep(0.01)


def test_store_in_the_background_finds_a_change_without_a_request(real_database, monkeypatch):
    site = factories.make_site()
    store = SnapshotStore(max_age_s=0.05, in_background=True)
    assert store.current().client_keys.keys() == {site.client_key}
    factories.make_site("rival")
    bump_revision()
    # No request looks itself: what they are handed is what the thread found.
    monkeypatch.setattr(store, "_patience_s", 3600.0)
    wait_until(lambda: len(store.current().client_keys) == 2)
    store.close()
    threads = [one for one in threading.enumerate() if one.name == "snapshot"]
    wait_until(lambda: not any(one.is_alive() for one in threads))


def test_requests_look_themselves_when_the_background_is_late(site, monkeypatch):
    store = SnapshotStore(max_age_s=0.0, in_background=True)
    monkeypatch.setattr(threading.Thread, "start", lambda _: None)
    first = store.current()
    bump_revision()
    assert store.current().revision == first.revision + 1


def test_colours_that_nobody_can_read_are_left_to_the_page(site):
    cta = factories.make_cta(site, background_color="#777777", text_color="#888888")
    style = cta_values(cta)["en"]["style"]
    assert (style["background_color"], style["text_color"], style["size"]) == ("", "", "medium")
