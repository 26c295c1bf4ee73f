from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from kombu import Connection

from experiments.models import PendingBatch, RollupCheck
from experiments.selectors import monitoring
from experiments.services.events.redis_stream import open_stream
from experiments.services.monitoring import readiness
from experiments.services.monitoring.readiness import all_checks, migration_names
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases


def checks(age=0.5):
    return {check.name: check for check in all_checks(now=NOW, snapshot_age_s=age)}


def problems(**options):
    return {name: check.problem for name, check in checks(**options).items() if not check.is_ok}


def test_service_in_order_has_no_problem(db):
    assert problems() == {}


def test_every_migration_of_every_application_is_known(db):
    assert migration_names() == MigrationRecorder(connection).applied_migrations().keys()


def test_unapplied_migrations_are_counted(db):
    MigrationRecorder(connection).record_unapplied(*sorted(migration_names())[-1])
    assert problems() == {"migrations": "unapplied migrations"}
    assert checks()["migrations"].figures == {"unapplied": 1}


@pytest.mark.parametrize(("minutes", "is_told"), [(4, False), (6, True)])
def test_events_that_nobody_counts_are_told(db, minutes, is_told):
    PendingBatch.objects.create(n_events=1, stored_at=NOW - timedelta(minutes=minutes))
    PendingBatch.objects.create(n_events=1, stored_at=NOW)
    assert ("waiting_batches" in problems()) is is_told
    assert checks()["waiting_batches"].figures == {"oldest_s": minutes * 60}


def test_full_disk_is_told(db, settings):
    settings.CTAOPT_DISK_LEAST_FREE_MB = 10**12
    assert problems() == {"disk": "the disk of the data folder is nearly full"}


def test_folder_that_cannot_be_written_is_told(db, monkeypatch):
    monkeypatch.setattr(readiness.os, "access", lambda *_: False)
    assert problems() == {"disk": "the data folder cannot be written"}


@pytest.mark.parametrize(
    ("age", "problem"),
    [(None, "there is none yet"), (31.0, "it is old: the database is silent")],
)
def test_old_snapshot_is_told(db, age, problem):
    assert problems(age=age) == {"snapshot": problem}


def test_rollups_that_the_night_did_not_confirm_are_told(running_experiment):
    RollupCheck.objects.create(experiment=running_experiment, checked_at=NOW, n_differing=1)
    assert problems() == {"rollups": "rollups are not what the events give"}


def test_silent_database_is_told_by_every_check_that_asks_it(db, monkeypatch):
    def silent(*_):
        raise OperationalError("connection to 10.0.0.7 as ctaopt refused")

    for name in ("heartbeats", "task_runs", "oldest_waiting_batch", "last_rollup_check"):
        monkeypatch.setattr(monitoring, name, silent)
    monkeypatch.setattr(readiness, "unapplied_migrations", silent)
    told = problems()
    assert set(told) >= {"migrations", "processes", "periodic_tasks", "waiting_batches", "rollups"}
    assert set(told.values()) == {"the database does not answer"}


def test_broker_that_does_not_answer_is_told(db, monkeypatch):
    app = SimpleNamespace(connection_for_write=lambda: Connection("redis://127.0.0.1:1/0"))
    monkeypatch.setattr(readiness, "current_app", app)
    assert problems() == {"broker": "it does not answer"}


def test_stream_that_does_not_answer_is_told(db, settings, monkeypatch):
    stream = open_stream("redis://127.0.0.1:1/0", max_entries=10)
    monkeypatch.setattr(readiness, "configured_stream", lambda: stream)
    assert problems() == {"event_stream": "Redis does not answer"}


@pytest.mark.redis
def test_stream_tells_what_it_holds(db, redis_server, settings, monkeypatch):
    stream = open_stream(redis_server.url(), max_entries=10)
    stream.client.flushdb()
    monkeypatch.setattr(readiness, "configured_stream", lambda: stream)
    stream.append(b"[]")
    assert checks()["event_stream"].figures == {"waiting": 1, "pending": 0, "dead": 0}
    settings.CTAOPT_EVENTS_MAX_WAITING = 1
    assert problems() == {"event_stream": "it is full: events are refused"}
    settings.CTAOPT_EVENTS_MAX_WAITING = 2
    stream.client.xadd(stream.dead_key, {b"e": b"[]"})
    assert problems() == {"event_stream": "it holds entries that could not be stored"}
