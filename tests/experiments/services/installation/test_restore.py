import json

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.core.management.utils import get_random_secret_key
from django.db import connection

from experiments.models import Event, SecretDigest, Site
from experiments.services.installation import restore as restores
from experiments.services.installation.backup import make_backup
from experiments.services.installation.backup_manifest import BackupError, read_manifest
from experiments.services.installation.restore import newer_migrations, restore_backup
from experiments.services.installation.start_guard import unfinished_restore
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases


@pytest.fixture
def made(installation, backups):
    return make_backup(backups, now=NOW)


@pytest.fixture
def emptied(made, installation):
    """The installation, with its rows and predictors gone."""
    call_command("flush", interactive=False, verbosity=0)
    for path in sorted((installation / "models").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    connection.close()
    return installation


def test_empty_installation_becomes_that_of_the_backup(made, emptied):
    manifest = restore_backup(made)
    assert Event.objects.get().visitor == "v-1"
    assert (emptied / "models/v1/manifest.json").read_text() == "models/v1/manifest.json"
    assert not unfinished_restore().exists()
    assert newer_migrations(manifest) == []


def test_installation_in_use_is_replaced_by_force_only(made, installation):
    factories.make_site("later")
    with pytest.raises(BackupError, match="holds predictors"):
        restore_backup(made)
    (installation / "models/v2").mkdir()
    restore_backup(made, is_forced=True)
    assert [site.key for site in Site.objects.all()] == ["shop"]
    assert not (installation / "models/v2").exists()


def test_database_in_use_is_named(made, emptied):
    factories.make_site("later")
    with pytest.raises(BackupError, match="The database holds sites"):
        restore_backup(made)
    assert not unfinished_restore().exists()


def test_damaged_backup_changes_nothing(made, emptied):
    (made / "secret.json").write_text("{}")
    with pytest.raises(CommandError, match="was damaged"):
        call_command("restore", made)
    assert (Site.objects.count(), unfinished_restore().exists()) == (0, False)


def test_interrupted_restore_is_marked_and_can_be_run_again(made, emptied, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(restores, "_load_database", die)
        with pytest.raises(KeyboardInterrupt):
            restore_backup(made)
    assert unfinished_restore().exists()
    call_command("restore", made, force=True)
    assert not unfinished_restore().exists()
    assert Event.objects.count() == 1


def test_rows_that_are_not_those_of_the_backup_keep_the_mark(made, emptied, monkeypatch):
    monkeypatch.setattr(restores, "_load_database", lambda *_: None)
    with pytest.raises(BackupError, match="has 0 rows, not "):
        restore_backup(made)
    assert unfinished_restore().exists()


def test_secret_that_was_made_for_the_empty_installation_is_replaced(made, emptied, settings):
    secret = settings.SECRET_KEY
    settings.SECRET_KEY = get_random_secret_key()
    (emptied / "secret_key").write_text(settings.SECRET_KEY)
    restore_backup(made)
    assert (emptied / "secret_key").read_text() == secret
    assert (emptied / "secret_key").stat().st_mode & 0o077 == 0
    assert SecretDigest.objects.exists()


def test_secret_of_the_environment_is_not_overruled(made, emptied, settings):
    settings.SECRET_KEY = get_random_secret_key()
    with pytest.raises(BackupError, match=r"set it to the one in .*secret\.json"):
        restore_backup(made)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"migrations": ["experiments.9999_later"]}, "of a later version"),
        ({"stream_entries": 3}, "3 requests waited in the stream"),
    ],
    ids=["version", "stream"],
)
def test_backup_that_does_not_fit_is_refused(made, emptied, changes, reason):
    path = made / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(BackupError, match=reason):
        restore_backup(made)
    assert not unfinished_restore().exists()


def test_backup_of_another_database_is_refused(made):
    others = {"sqlite": "postgresql", "postgresql": "sqlite"}
    other = msgspec.structs.replace(read_manifest(made), vendor=others[connection.vendor])
    with pytest.raises(BackupError, match=f"DATABASE_URL names {connection.vendor}"):
        restores._check_fit(other)
