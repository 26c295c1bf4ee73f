from datetime import timedelta

import pytest

from experiments.services.monitoring.heartbeats import Role, beat, stop
from experiments.services.monitoring.standstill import no_worker_runs, role_states, standstills
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases


@pytest.fixture(autouse=True)
def with_a_worker(settings, db):
    settings.CELERY_TASK_ALWAYS_EAGER = False


def sign(role, seconds, process="a:1"):
    beat(role, process, started=NOW, now=NOW + timedelta(seconds=seconds))


def silent(seconds):
    return [state.role for state in standstills(now=NOW + timedelta(seconds=seconds))]


def test_installation_without_a_worker_is_told_at_once():
    assert silent(0) == [Role.WORKER, Role.BEAT]
    assert no_worker_runs(now=NOW)


@pytest.mark.parametrize(("seconds", "roles"), [(119, []), (121, [Role.WORKER, Role.BEAT])])
def test_silence_of_two_minutes_is_told(seconds, roles):
    sign(Role.WORKER, 0)
    sign(Role.BEAT, 0)
    assert silent(seconds) == roles


def test_pages_that_need_a_worker_know_of_its_stop_at_once_and_of_its_death_in_seconds():
    sign(Role.WORKER, 0)
    assert not no_worker_runs(now=NOW + timedelta(seconds=40))
    assert no_worker_runs(now=NOW + timedelta(seconds=46))
    stop(Role.WORKER, "a:1", now=NOW)
    assert no_worker_runs(now=NOW)


def test_restart_raises_no_alarm():
    sign(Role.WORKER, 0)
    sign(Role.BEAT, 0)
    stop(Role.WORKER, "a:1", now=NOW)
    assert silent(30) == []


def test_one_of_two_workers_is_enough():
    sign(Role.WORKER, 0, "a:1")
    sign(Role.WORKER, 600, "b:1")
    sign(Role.BEAT, 600)
    assert silent(610) == []


def test_consumer_is_needed_where_there_is_a_stream(settings):
    sign(Role.WORKER, 0)
    sign(Role.BEAT, 0)
    assert silent(0) == []
    settings.CTAOPT_EVENTS_URL = "redis://localhost/0"
    assert silent(0) == [Role.CONSUMER]


def test_scoring_service_is_missed_unless_it_was_stopped_on_purpose():
    sign(Role.WORKER, 600)
    sign(Role.BEAT, 600)
    assert silent(600) == []
    sign(Role.SCORING, 0)
    assert silent(600) == [Role.SCORING]
    stop(Role.SCORING, "a:1", now=NOW)
    assert silent(600) == []


def test_nothing_is_missed_where_tasks_are_done_at_once(settings):
    settings.CELERY_TASK_ALWAYS_EAGER = True
    assert silent(0) == []
    assert not no_worker_runs(now=NOW)


def test_every_role_says_what_it_is_for_and_how_to_start_it():
    for state in role_states(now=NOW):
        assert len(str(state.consequence)) > 20
        assert state.command.startswith(("celery ", "manage.py "))
