from collections import Counter

import pytest

from experiments.services.deployment import process_checks as subject


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
