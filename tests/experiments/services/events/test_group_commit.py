import threading
from uuid import UUID

import pytest
from django.db import IntegrityError, OperationalError, connection

from experiments.models import Event
from experiments.services.events import store as event_store
from experiments.services.events.group_commit import GroupCommit
from experiments.services.events.store import EventRow, NotTakenError
from tests import factories
from tests.factories import NOW
from tests.threads import in_threads

pytestmark = pytest.mark.on_both_databases


def conversion(*, event_id=None, visitor="v-1"):
    """A row that needs no experiment."""
    kept = event_id or factories.event_id()
    shown = ("conversion", visitor, None, None, None, "signup", None, "", "{}")
    return EventRow(kept, 1, *shown, NOW, NOW, 0)


class Gate:
    """A store that waits until it is opened, and remembers the sizes of its transactions."""

    def __init__(self, error=None):
        self.entered, self.opened = threading.Event(), threading.Event()
        self.groups, self.error = [], error

    def store(self, batches):
        self.groups.append(len(batches))
        self.entered.set()
        assert self.opened.wait(timeout=240)
        if self.error is not None and any(len(batch) == 2 for batch in batches):
            raise NotTakenError("refused") from self.error
        return [len(batch) for batch in batches]


def behind(gate, *sizes, **limits):
    """Have one request occupy the writer and the others wait for it; return what each got."""
    commit = GroupCommit(store=gate.store, **limits)

    def first():
        return commit.store([conversion()])

    def later(size):
        assert gate.entered.wait(timeout=240)
        return commit.store([conversion()] * size)

    def opener():
        assert gate.entered.wait(timeout=240)
        for _ in range(1_000):
            if commit._n_waiting == sum(sizes):
                break
            threading.Event().wait(0.005)
        gate.opened.set()

    return in_threads(first, opener, *[lambda size=size: later(size) for size in sizes])


def test_requests_that_come_during_a_commit_share_the_next():
    gate = Gate()
    assert behind(gate, 2, 3, 4) == [1, None, 2, 3, 4]
    assert gate.groups == [1, 3]


def test_transaction_has_no_more_rows_than_allowed():
    gate = Gate()
    assert behind(gate, 2, 2, 2, max_group=4) == [1, None, 2, 2, 2]
    assert gate.groups == [1, 2, 1]


def test_request_is_refused_when_too_many_wait():
    gate = Gate()
    commit = GroupCommit(store=gate.store, max_waiting=3)
    threads = [threading.Thread(target=commit.store, args=([conversion()] * n,)) for n in (1, 3)]
    threads[0].start()
    assert gate.entered.wait(timeout=240)
    threads[1].start()
    while commit._n_waiting < 3:
        threading.Event().wait(0.005)
    with pytest.raises(NotTakenError, match="3 events wait to be stored"):
        commit.store([conversion()])
    gate.opened.set()
    for thread in threads:
        thread.join(timeout=240)
    assert commit.store([conversion()]) == 1


def test_request_that_the_database_refuses_does_not_harm_the_others():
    gate = Gate(error=IntegrityError("check failed"))
    first, _, *others = behind(gate, 1, 2, 3)
    assert (first, others[0], others[2]) == (1, 1, 3)
    assert isinstance(others[1], NotTakenError)


def test_silent_database_refuses_the_whole_group():
    gate = Gate(error=OperationalError("disk full"))
    outcomes = behind(gate, 1, 2)
    assert outcomes[0] == 1
    assert all(isinstance(one, NotTakenError) for one in outcomes[2:])
    assert gate.groups == [1, 2]


def test_writer_survives_what_it_cannot_store():
    def broken(batches):
        if len(batches[0]) == 2:
            raise MemoryError
        return [len(batch) for batch in batches]

    commit = GroupCommit(store=broken)
    with pytest.raises(NotTakenError):
        commit.store([conversion()] * 2)
    assert commit.store([conversion()]) == 1


def test_batch_without_rows_waits_for_nobody():
    assert GroupCommit(store=lambda _: pytest.fail("stored")).store([]) == 0


def test_each_request_is_told_its_own_new_rows(real_database):
    factories.make_site(pk=1)
    known = [conversion(event_id=factories.event_id()) for _ in range(5)]
    commit = GroupCommit(store=event_store.store)
    calls = [lambda n=n: commit.store([*known, conversion(visitor=f"w-{n}")]) for n in range(8)]
    counts = in_threads(*calls)
    assert sorted(counts) == [1] * 7 + [6]
    assert Event.objects.count() == 13
    end_writer_connection(commit)


def end_writer_connection(commit):
    """The writer's thread keeps its connection; the test database is to be dropped."""
    commit._store = lambda batches: connection.close() or [len(batch) for batch in batches]
    commit.store([conversion(event_id=UUID(int=1))])
