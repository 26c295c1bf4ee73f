import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError

from experiments.models import ServerKey, SnippetSighting
from experiments.services.catalogue.key_use import KeyUses
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases

SECOND = timedelta(seconds=1)


def last_use():
    return ServerKey.objects.get().last_used_at


def used_at(uses, pk, moment):
    with time_machine.travel(moment, tick=False):
        uses.note(pk)
        uses.write()


def test_use_is_noted_without_the_database(server_key, django_assert_num_queries):
    uses = KeyUses(period_s=0.0)
    pk = ServerKey.objects.get().pk
    with django_assert_num_queries(0):
        for _ in range(1_000):
            uses.note(pk)
    with django_assert_num_queries(1):
        uses.write()
    assert last_use() is not None
    with django_assert_num_queries(0):
        uses.write()


def test_moment_is_that_of_the_use(server_key):
    uses = KeyUses(period_s=0.0)
    with time_machine.travel(NOW, tick=False):
        uses.note(ServerKey.objects.get().pk)
    uses.write()
    assert last_use() == NOW


def test_processes_together_write_once_a_period(server_key, monkeypatch):
    monkeypatch.setattr(threading.Thread, "start", lambda _: None)
    pk = ServerKey.objects.get().pk
    processes = [KeyUses(period_s=60.0) for _ in range(2)]
    used_at(processes[0], pk, NOW)
    used_at(processes[1], pk, NOW + 59 * SECOND)
    assert last_use() == NOW
    used_at(processes[1], pk, NOW + 60 * SECOND)
    assert last_use() == NOW + 60 * SECOND


def test_later_moment_is_never_replaced_by_an_earlier_one(server_key):
    uses = KeyUses(period_s=0.0)
    pk = ServerKey.objects.get().pk
    used_at(uses, pk, NOW + SECOND)
    used_at(uses, pk, NOW)
    assert last_use() == NOW + SECOND


def test_former_client_key_is_named_by_its_text(site):
    former = site.former_client_keys.create(key="old", replaced_at=NOW, expires_at=NOW)
    uses = KeyUses(period_s=0.0)
    used_at(uses, "old", NOW)
    used_at(uses, "deleted meanwhile", NOW)
    former.refresh_from_db()
    assert former.last_used_at == NOW


def test_thread_outlives_a_silent_database(real_database, monkeypatch, caplog):
    factories.make_server_key(factories.make_site())
    uses = KeyUses(period_s=0.02)
    write, calls, ended = uses.write, [], threading.Event()

    def fail_once():
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("connection refused")
        write()
        ended.set()

    monkeypatch.setattr(uses, "write", fail_once)
    uses.note(ServerKey.objects.get().pk)
    assert ended.wait(10)
    assert "connection refused" in caplog.text
    assert last_use() is not None
    uses.close()
    for thread in threading.enumerate():
        if thread.name == "key uses":
            thread.join(timeout=240)
            assert not thread.is_alive()


def test_last_page_with_the_snippet_is_kept(site, django_assert_num_queries):
    uses = KeyUses(period_s=0.0)
    with django_assert_num_queries(0):
        uses.note_page(site.pk, "/first")
        uses.note_page(site.pk, "/signup")
    uses.write()
    first = SnippetSighting.objects.get()
    assert (first.site, first.path) == (site, "/signup")
    with time_machine.travel(first.seen_at + 60 * SECOND, tick=False):
        uses.note_page(site.pk, "/" + 300 * "x")
        uses.write()
    later = SnippetSighting.objects.get()
    assert later.seen_at == first.seen_at + 60 * SECOND
    assert later.path == "/" + 199 * "x"
    with django_assert_num_queries(0):
        uses.write()


@pytest.mark.parametrize("path", ["/a\x00b", "/\ud800"], ids=["NUL", "half a character"])
def test_path_that_no_database_stores_is_left_out(site, path):
    uses = KeyUses(period_s=0.0)
    uses.note_page(site.pk, path)
    uses.write()
    assert SnippetSighting.objects.get().path == ""


def test_page_of_a_site_that_is_gone_is_forgotten(site):
    uses = KeyUses(period_s=0.0)
    uses.note_page(site.pk + 1, "/")
    uses.write()
    assert not SnippetSighting.objects.exists()
