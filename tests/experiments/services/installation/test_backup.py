import json
import os
import stat
import subprocess
import sys
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.backends.sqlite3.base import DatabaseWrapper

from experiments.models import BackupRecord, Event
from experiments.services.installation import backup as backups_module
from experiments.services.installation.backup import make_backup, verify_backup
from experiments.services.installation.backup_manifest import BackupError, finished_backups
from tests.databases import migrated_sqlite
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases


def test_backup_is_whole_and_closed_to_others(installation, backups, settings):
    made = make_backup(backups, now=NOW)
    manifest = verify_backup(made)
    assert manifest.rows["experiments_event"] == Event.objects.count() == 1
    kept = {name for name in manifest.files if "/" in name}
    assert kept == {
        "models/v1/manifest.json",
        "models/embeddings-1.safetensors",
        "models/unfinished/k/step.safetensors",
        "queue/1.celery.msg",
    }
    assert json.loads((made / "secret.json").read_text())["SECRET_KEY"] == settings.SECRET_KEY
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (made, *made.rglob("*"))}
    assert modes == {0}
    record = BackupRecord.objects.get()
    assert (record.made_at, record.n_bytes) == (NOW, manifest.n_bytes)
    assert record.place.endswith(str(made))


def test_oldest_go_once_the_newest_is_there(installation, backups):
    for day in range(4):
        make_backup(backups, now=NOW + timedelta(days=day), keep=2)
    days = [folder.name[13:15] for folder in finished_backups(backups)]
    assert days == [f"{(NOW + timedelta(days=day)):%d}" for day in (2, 3)]


def test_failed_backup_keeps_the_old_ones_and_leaves_nothing(installation, backups, monkeypatch):
    first = make_backup(backups, now=NOW)

    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups_module, "_write_secret", fail)
    with pytest.raises(BackupError, match=r"disk of .* is full: nothing was kept"):
        make_backup(backups, now=NOW + timedelta(hours=1), keep=1)
    assert [path.name for path in backups.iterdir() if path.name != ".lock"] == [first.name]
    assert BackupRecord.objects.count() == 1


def test_remnant_of_a_killed_backup_goes_with_the_next(installation, backups):
    remnant = backups / ".ctaopt-20260101T000000Z.unfinished"
    remnant.mkdir(parents=True)
    (remnant / "database.sqlite3").touch()
    assert finished_backups(backups) == []
    make_backup(backups, now=NOW)
    assert not remnant.exists()


def test_two_at_once_are_refused(installation, backups):
    backups.mkdir()
    with (
        backups_module._alone_in(backups),
        pytest.raises(BackupError, match="under way"),
    ):
        make_backup(backups, now=NOW)


def test_too_small_a_disk_is_refused_before_anything_is_written(installation, backups, monkeypatch):
    usage = backups_module.shutil.disk_usage(installation)._replace(free=3)
    monkeypatch.setattr(backups_module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(BackupError, match="MB free"):
        make_backup(backups, now=NOW)
    assert [path.name for path in backups.iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("name", "is_file"),
    [
        ("/srv/memory/ctaopt.sqlite3", True),
        (":memory:", False),
        ("file:memorydb_default?mode=memory&cache=shared", False),
    ],
)
def test_database_in_memory_is_told_from_a_folder_of_that_name(monkeypatch, name, is_file):
    wrapper = DatabaseWrapper({"NAME": name})
    monkeypatch.setattr(backups_module, "connection", wrapper)
    if is_file:
        assert str(backups_module.database_file()) == name
    else:
        with pytest.raises(BackupError, match="in memory"):
            backups_module.database_file()


def test_command_reads_a_backup_again_once(installation, backups, monkeypatch, capsys):
    """While it is made; the command only tells what the manifest says."""
    calls = []
    check = backups_module.check_files
    monkeypatch.setattr(
        backups_module, "check_files", lambda *given: calls.append(1) or check(*given)
    )
    call_command("backup", backups)
    assert "files, " in capsys.readouterr().out
    assert calls == [1]


def test_command_verifies_one_or_all(installation, backups, capsys):
    call_command("backup", backups)
    call_command("backup", backups, verify=True)
    (made,) = finished_backups(backups)
    call_command("backup", made, verify=True)
    assert capsys.readouterr().out.count("Whole.") == 2
    (made / "secret.json").write_text("{}")
    with pytest.raises(CommandError, match="was damaged"):
        call_command("backup", backups, verify=True)
    with pytest.raises(CommandError, match="no finished backup"):
        call_command("backup", installation, verify=True)
    with pytest.raises(CommandError, match="--keep: 0"):
        call_command("backup", backups, keep=0)


@pytest.mark.slow
def test_full_disk_leaves_nothing_that_looks_like_a_backup(pytestconfig, tmp_path):
    """A file system that refuses larger files, as one that is full does."""
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000));"
        "from ctaopt.commandline import run;"
        f"sys.exit(run(['manage.py', 'backup', {str(tmp_path / 'backups')!r}]))"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "CTAOPT_DATA_DIR": str(tmp_path / "data"),
        "DJANGO_SETTINGS_MODULE": "ctaopt.settings.prod",
    }
    migrated_sqlite(tmp_path / "data" / "ctaopt.sqlite3")
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=pytestconfig.rootpath,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("CommandError: "), result.stderr
    assert [path.name for path in (tmp_path / "backups").iterdir()] == [".lock"]
