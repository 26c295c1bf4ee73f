from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from experiments.models import BackupRecord, SecretDigest, SiteSecret
from experiments.services.deployment import database_checks as subject

pytestmark = [pytest.mark.django_db, pytest.mark.on_both_databases]


def found():
    return {row.subject: row for row in subject.database_findings()}


def severities():
    return {name: row.severity.name for name, row in found().items()}


def test_sound_database(data_dir):
    BackupRecord.objects.create(made_at=timezone.now(), place="here:/b", n_bytes=1)
    names = severities()
    assert names.pop("clock") in {"OK", "SKIPPED"}
    assert set(names.values()) == {"OK"}


def test_missing_and_old_backups_are_named(data_dir):
    assert severities()["backup"] == "WARNING"
    made_at = timezone.now() - timedelta(days=3)
    BackupRecord.objects.create(made_at=made_at, place="here:/b", n_bytes=1)
    assert f"{made_at:%Y-%m-%d}" in found()["backup"].text
    assert severities()["backup"] == "WARNING"


def test_another_secret_is_named_with_the_remedy(data_dir, settings):
    settings.SECRET_KEY = "x" * 40
    row = found()["secret"]
    assert row.severity.name == "ERROR"
    assert row.remedy.startswith("Give this machine the secret")


def test_missing_migrations_are_counted(data_dir, monkeypatch):
    monkeypatch.setattr(subject, "unapplied_migrations", lambda: 3)
    assert severities()["migrations"] == "ERROR"


def test_form_of_visitors_is_named(data_dir, site, other_site):
    assert found()["visitors"].text == "Ids are stored as they were sent (rival, shop)."
    SiteSecret.objects.filter(site=site).update(visitors=SiteSecret.Visitors.MOVING)
    row = found()["visitors"]
    assert (row.severity.name, "(shop); nothing is counted" in row.text) == ("ERROR", True)
    SiteSecret.objects.update(visitors=SiteSecret.Visitors.DIGESTS)
    assert severities()["visitors"] == "OK"


@pytest.mark.only_on_postgres
@pytest.mark.parametrize(("seconds", "severity"), [(0, "OK"), (10, "WARNING"), (-300, "ERROR")])
def test_clock_that_differs_is_named(data_dir, monkeypatch, seconds, severity):
    now = timezone.now
    monkeypatch.setattr(subject.timezone, "now", lambda: now() + timedelta(seconds=seconds))
    assert subject._clock().severity.name == severity


def test_database_without_tables(data_dir, monkeypatch):
    monkeypatch.setattr(subject, "check_installation", lambda: False)
    assert found()["secret"].severity.name == "SKIPPED"
    assert SecretDigest.objects.count() == 1


def test_command_fails_where_something_must_be_mended(data_dir, settings, capsys):
    settings.SECRET_KEY = "x" * 40
    with pytest.raises(SystemExit) as ended:
        call_command("doctor")
    assert ended.value.code == 1
    assert "  error    secret: This database belongs" in capsys.readouterr().out
