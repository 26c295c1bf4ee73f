from datetime import timedelta

import pytest
from django.db import OperationalError

from experiments.models import Heartbeat
from experiments.services.monitoring import heartbeats
from experiments.services.monitoring.heartbeats import FORGOTTEN_AFTER, Heart, Role, beat, stop
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases


def test_one_row_a_process(db):
    for minute in range(3):
        beat(Role.WORKER, "a:1", started=NOW, now=NOW + timedelta(minutes=minute))
    beat(Role.WORKER, "a:2", started=NOW, now=NOW)
    beat(Role.BEAT, "a:1", started=NOW, now=NOW)
    assert Heartbeat.objects.count() == 3
    assert Heartbeat.objects.get(role="worker", process="a:1").beat_at == NOW + timedelta(minutes=2)


def test_processes_that_are_long_gone_are_forgotten(db):
    for number in range(50):
        beat(Role.WORKER, f"a:{number}", started=NOW, now=NOW + number * FORGOTTEN_AFTER / 10)
    assert Heartbeat.objects.count() == 11
    beat(Role.SCORING, "a:1", started=NOW, now=NOW + 30 * FORGOTTEN_AFTER)
    assert Heartbeat.objects.filter(role="worker").count() == 11  # the last seen is what tells


def test_restart_under_the_same_name_lives_again(db):
    beat(Role.WORKER, "a:1", started=NOW, now=NOW)
    stop(Role.WORKER, "a:1", now=NOW)
    beat(Role.WORKER, "a:1", started=NOW + timedelta(hours=1), now=NOW + timedelta(hours=1))
    row = Heartbeat.objects.get()
    assert (row.stopped_at, row.started_at) == (None, NOW + timedelta(hours=1))


def test_thread_beats_and_says_that_it_was_stopped(real_database):
    heart = Heart(Role.CONSUMER, interval_s=0.01)
    heart.start()
    heart.stop()
    row = Heartbeat.objects.get()
    assert row.role == "consumer"
    assert row.stopped_at >= row.beat_at >= row.started_at


def test_process_whose_loop_is_stuck_does_not_beat(monkeypatch):
    beats, looks = [], []
    monkeypatch.setattr(heartbeats, "beat", lambda *_, **__: beats.append(1))
    monkeypatch.setattr(heartbeats, "stop", lambda *_, **__: None)
    heart = Heart(Role.BEAT, is_alive=lambda: looks.append(1), interval_s=0.001)
    heart.start()
    while len(looks) < 5:
        pass
    heart.stop()
    assert len(beats) == 1  # at its start


def test_silent_database_does_not_end_the_thread(monkeypatch, caplog):
    tries = []

    def silent(*_, **__):
        tries.append(1)
        raise OperationalError("gone")

    monkeypatch.setattr(heartbeats, "beat", silent)
    monkeypatch.setattr(heartbeats, "stop", silent)
    heart = Heart(Role.WORKER, interval_s=0.001)
    heart.start()
    while len(tries) < 5:
        pass
    heart.stop()
    assert "could not show that it lives: gone" in caplog.text
