"""Processes that must not start: another machine's secret, an interrupted restore."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import OperationalError

from experiments.models import SecretDigest
from experiments.services.installation import start_guard
from tests.databases import migrated_sqlite

PROJECT = Path(__file__).resolve().parents[4]
OWN, OTHER = "o" * 40, "x" * 40
PROCESSES = {
    "command": ["manage.py", "fold_rollups"],
    "migrate": ["manage.py", "migrate"],
    "consumer": ["manage.py", "consume_events"],
    "scoring": ["manage.py", "serve_scoring"],
    "web": ["-c", "import ctaopt.wsgi"],
    "stream": ["-c", "import ctaopt.asgi"],
    "worker": ["-m", "celery", "--app", "ctaopt.celery", "worker", "--pool", "solo"],
    "beat": ["-m", "celery", "--app", "ctaopt.celery", "beat"],
}


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installation")
    migrated_sqlite(folder / "ctaopt.sqlite3")
    # The first process records its secret.
    assert run(folder, *PROCESSES["web"]).returncode == 0
    return folder


def run(folder, *command, secret=OWN, fallbacks=""):
    environment = {
        "PATH": os.environ["PATH"],
        "CTAOPT_DATA_DIR": str(folder),
        "SECRET_KEY": secret,
        "SECRET_KEY_FALLBACKS": fallbacks,
        "CTAOPT_EVENTS_URL": "redis://127.0.0.1:1/0",
    }
    return subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("process", PROCESSES)
def test_process_with_another_secret_does_not_start(installation, process):
    result = run(installation, *PROCESSES[process], secret=OTHER)
    assert result.returncode != 0
    assert "This database belongs to an installation with another SECRET_KEY." in result.stderr


def test_commands_start_through_a_rotation(installation):
    command = PROCESSES["command"]
    assert run(installation, *command, fallbacks=OTHER).returncode == 0
    refused = run(installation, *command, secret=OTHER)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)


@pytest.fixture
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


def test_interrupted_restore_is_named(db, data_dir):
    assert start_guard.check_installation()
    start_guard.unfinished_restore().touch()
    with pytest.raises(ImproperlyConfigured, match=r"was interrupted.*--force"):
        start_guard.check_installation()


def test_system_check_names_another_secret(db, data_dir, settings):
    settings.SECRET_KEY = OTHER
    with pytest.raises(SystemCheckError, match=r"ctaopt.E001.*another SECRET_KEY"):
        call_command("check", databases=["default"])
    call_command("check")


def test_first_migration_records_the_secret(db, data_dir):
    SecretDigest.objects.all().delete()
    start_guard.record_secret(using="default")
    assert SecretDigest.objects.count() == 1


def test_silent_database_is_asked_until_it_answers(db, data_dir, monkeypatch, settings):
    """Another secret that is found late ends the process."""
    answers = iter([OperationalError("away"), OperationalError("away")])
    confirm, ended = start_guard.confirm_secret, []

    def flaky():
        error = next(answers, None)
        if error:
            raise error
        confirm()

    monkeypatch.setattr(start_guard, "confirm_secret", flaky)
    monkeypatch.setattr(start_guard, "sleep", lambda _: None)
    monkeypatch.setattr(start_guard.os, "kill", lambda *args: ended.append(args))
    assert start_guard.check_installation() is False
    settings.SECRET_KEY = OTHER
    start_guard._check_later()
    assert ended == [(os.getpid(), start_guard.signal.SIGTERM)]
