from datetime import timedelta

import pytest
from django.utils import timezone

from experiments.models import EventIntake, PendingBatch, RollupCheck
from experiments.selectors import rollups
from experiments.services.monitoring import state_metrics as module
from experiments.services.monitoring.heartbeats import Role, beat
from experiments.services.monitoring.state_metrics import state_metrics
from experiments.services.monitoring.task_runs import record_run

pytestmark = pytest.mark.on_both_databases


def values():
    return {
        (sample.name.removeprefix("ctaopt_"), *sample.labels.values()): sample.value
        for family in state_metrics(snapshot_age_s=0.5)
        for sample in family.samples
    }


def test_state_of_a_service_in_trouble(running_experiment, settings):
    settings.CELERY_TASK_ALWAYS_EAGER = False
    now = timezone.now()
    ago = now - timedelta(minutes=10)
    site = running_experiment.slot.site
    beat(Role.WORKER, "a:1", started=ago, now=ago)
    record_run(name="experiments.tasks.fold_rollups", seconds=1, error="", now=ago)
    PendingBatch.objects.create(n_events=7, stored_at=ago)
    RollupCheck.objects.create(experiment=running_experiment, checked_at=ago, n_differing=2)
    hour = now.replace(minute=0, second=0, microsecond=0)
    EventIntake.objects.create(site=site, hour=hour, taken=300, rejected_clock=100)
    told = values()
    for age in (
        ("heartbeat_age_seconds", "worker"),
        ("task_age_seconds", "fold_rollups"),
        ("oldest_waiting_batch_seconds",),
        ("rollup_check_age_seconds",),
    ):
        assert 600 <= told[age] < 660, age
    assert told["role_silent", "worker"] == told["task_overdue", "fold_rollups"] == 1
    assert told["role_silent", "scoring"] == told["task_overdue", "drop_events"] == 0
    assert told["events_waiting",] == 7
    assert told["rollup_rows_differing", "shop", "hero-test"] == 2
    assert told["rejected_event_share", "shop"] == 0.25
    assert told["snapshot_age_seconds",] == 0.5
    assert told["disk_free_bytes",] > 0
    for check in ("worker", "periodic_tasks", "waiting_batches", "rollups", "rejected_events"):
        assert told["check_ok", check] == 0, check
    assert told["check_ok", "migrations"] == told["check_ok", "disk"] == 1


def test_what_the_database_does_not_tell_is_left_out(db, monkeypatch):
    def silent():
        raise module.Error("gone")

    monkeypatch.setattr(rollups, "waiting_events", silent)
    told = values()
    assert ("events_waiting",) not in told
    assert told["role_silent", "worker"] == 0
