from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from experiments.services.deployment import process_checks as subject
from experiments.services.monitoring.heartbeats import Role, beat, stop


def severities(findings):
    return {row.subject: row.severity.name for row in findings}


@pytest.mark.parametrize(
    ("roles", "needs_consumer", "expected"),
    [
        ({"worker": 2, "beat": 1}, False, {"worker": "OK", "beat": "OK"}),
        ({"worker": 1, "beat": 2}, False, {"worker": "OK", "beat": "WARNING"}),
        ({"beat": 1}, True, {"worker": "ERROR", "beat": "OK", "consumer": "ERROR"}),
    ],
)
def test_processes_that_are_missing_or_too_many(roles, needs_consumer, expected):
    found = subject.living(Counter(roles), needs_consumer=needs_consumer)
    assert severities(found) == expected


@pytest.mark.django_db
def test_those_that_are_silent_or_were_stopped_do_not_live(settings):
    settings.CTAOPT_EVENTS_URL = "redis://"
    now, long_ago = timezone.now(), timezone.now() - timedelta(minutes=3)
    beat(Role.WORKER, "a:1", started=long_ago, now=now)
    beat(Role.WORKER, "a:2", started=long_ago, now=long_ago)
    beat(Role.BEAT, "a:1", started=long_ago, now=long_ago)
    beat(Role.CONSUMER, "a:3", started=long_ago, now=now)
    stop(Role.CONSUMER, "a:3", now=now)
    found = {row.subject: (row.severity.name, row.text) for row in subject._heartbeats()}
    assert found.pop("worker") == ("OK", "1 alive.")
    assert {name: severity for name, (severity, _) in found.items()} == {
        "beat": "ERROR",
        "consumer": "ERROR",
    }


def test_socket_open_to_others_and_silence_are_named(tmp_path):
    path = tmp_path / "scoring.sock"
    path.touch()
    path.chmod(0o606)
    found = severities(subject._scoring(f"unix:{path}"))
    assert found == {"scoring socket": "ERROR", "scoring": "WARNING"}


@pytest.mark.django_db
def test_installation_without_a_predictor(settings):
    settings.CTAOPT_ENCODER = "/nowhere/encoder"
    assert severities(subject._predictor()) == {"predictor": "SKIPPED", "encoder": "ERROR"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("damage", "severity"), [("", "OK"), ("tensors.safetensors: the file is damaged", "ERROR")]
)
def test_damaged_predictor_is_named(monkeypatch, damage, severity):
    monkeypatch.setattr(subject.predict, "active_number", lambda: 3)
    monkeypatch.setattr(subject.predict, "active_damage", lambda: damage)
    assert severities(subject._predictor()) == {"predictor": severity}
