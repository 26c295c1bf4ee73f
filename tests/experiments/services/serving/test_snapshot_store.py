import threading
from datetime import timedelta
from time import monotonic, sleep

import pytest
import time_machine
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from experiments.selectors import serving
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.serving import snapshot_store as module
from experiments.services.serving.database_waits import Waits, WouldWaitError, set_waits
from experiments.services.serving.snapshot import Snapshot
from experiments.services.serving.snapshot_store import SnapshotStore
from tests import factories

pytestmark = pytest.mark.on_both_databases


@pytest.fixture(autouse=True)
def connection_of_the_test(monkeypatch):
    """The store tidies up after itself; the connection with this test's transaction stays."""
    monkeypatch.setattr(module, "close_old_connections", lambda: None)


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


def test_key_expires_also_while_the_database_is_silent(site, monkeypatch):
    ends_at = timezone.now() + timedelta(hours=1)
    factories.make_server_key(site, expires_at=ends_at)
    store = SnapshotStore(max_age_s=0.0)
    assert len(store.current().server_key_digests) == 1
    monkeypatch.setattr(serving, "config_revision", silent)
    with time_machine.travel(ends_at, tick=False):
        assert store.current().server_key_digests == {}


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
        assert leave.wait(timeout=240)
        return first.revision

    monkeypatch.setattr(serving, "config_revision", slow_revision)
    reader = threading.Thread(target=store.current)
    reader.start()
    assert entered.wait(timeout=240)
    assert store.current() is first  # Would wait for ever if it asked too.
    leave.set()
    reader.join(timeout=240)
    assert not reader.is_alive()


def test_threads_that_start_together_read_once(monkeypatch):
    asked, together = [], threading.Barrier(4)
    snapshot = Snapshot(revision=1, client_keys={}, server_key_digests={})
    monkeypatch.setattr(serving, "config_revision", lambda: asked.append(1) or 1)
    monkeypatch.setattr(module, "build_snapshot", lambda **_: snapshot)
    store = SnapshotStore(max_age_s=3600.0)
    got = []

    def start():
        together.wait(timeout=240)
        got.append(store.current())

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    assert (got, len(asked)) == ([snapshot] * 4, 1)


def wait_until(is_so, seconds=10):
    deadline = monotonic() + seconds
    while not is_so():
        assert monotonic() < deadline
        sleep(0.01)


def test_store_in_the_background_finds_a_change_without_a_request(real_database):
    site = factories.make_site()
    store = SnapshotStore(max_age_s=0.05, in_background=True)
    assert store.current().client_keys.keys() == {site.client_key}
    factories.make_site("rival")
    bump_revision()
    wait_until(lambda: len(store.current().client_keys) == 2)
    store.close()
    threads = [one for one in threading.enumerate() if one is store._thread]
    wait_until(lambda: not any(one.is_alive() for one in threads))


def test_no_request_waits_for_a_background_that_is_late(real_database, monkeypatch):
    factories.make_site()
    store = SnapshotStore(max_age_s=0.0, in_background=True)
    first = store.current()
    asking, leave = threading.Event(), threading.Event()

    def silent_revision():
        asking.set()
        leave.wait(timeout=240)
        raise OperationalError("gone")

    monkeypatch.setattr(serving, "config_revision", silent_revision)
    assert asking.wait(timeout=240)
    assert store.current() is first  # Would wait for ever if it asked too, or for who asks.
    store.close()
    leave.set()


def test_background_survives_any_fault(real_database, monkeypatch, caplog):
    factories.make_site()
    store = SnapshotStore(max_age_s=0.01, in_background=True)
    with monkeypatch.context() as patch:
        first = store.current()
        patch.setattr(serving, "config_revision", lambda: [][0])
        wait_until(lambda: "list index out of range" in caplog.text)
    bump_revision()
    wait_until(lambda: store.current().revision == first.revision + 1)
    store.close()


def test_background_begins_again_after_a_fork(real_database):
    factories.make_site()
    store = SnapshotStore(max_age_s=0.01, in_background=True)
    first = store.current()
    store.close()
    store._thread.join(timeout=240)
    store._closed.clear()
    module._note_fork()  # What a child process does, whose parent has kept the thread.
    bump_revision()
    wait_until(lambda: store.current().revision == first.revision + 1)
    store.close()


def test_started_store_never_waits_for_its_first_snapshot(real_database, monkeypatch):
    factories.make_site()
    leave = threading.Event()
    revision = serving.config_revision
    monkeypatch.setattr(serving, "config_revision", lambda: leave.wait(timeout=240) and revision())
    store = SnapshotStore(max_age_s=0.01, in_background=True)
    assert not store.start(patience_s=0.0)
    with pytest.raises(OperationalError, match="not been read yet"):
        store.current()
    leave.set()
    wait_until(lambda: store._snapshot is not None)
    assert len(store.current().client_keys) == 1
    store.close()


def test_thread_that_may_not_wait_gets_the_snapshot_that_is_there(site):
    store = SnapshotStore(max_age_s=3600.0)
    first = store.current()
    store._checked_at -= 10  # The client's look is due, the store's own is not.
    bump_revision()
    try:
        set_waits(Waits.REFUSED)
        with pytest.raises(WouldWaitError):
            store.at_least(first.revision + 1)
        set_waits(Waits.SKIPPED)
        assert store.at_least(first.revision + 1) is first
    finally:
        set_waits(Waits.ALLOWED)
    assert store.at_least(first.revision + 1).revision == first.revision + 1
