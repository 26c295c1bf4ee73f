"""Checks of the database: version, migrations, secret, clock, age of the last backup."""

from collections.abc import Iterator
from datetime import timedelta

from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.utils import timezone

from experiments.models import BackupRecord, SiteSecret
from experiments.services.deployment.findings import Finding, error, ok, skipped, warning
from experiments.services.installation.start_guard import check_installation
from experiments.services.monitoring.readiness import unapplied_migrations

OLDEST_POSTGRES = 15
# Ingestion refuses events ten minutes ahead of the server's clock.
SKEW_NOTED, SKEW_HARMFUL = timedelta(seconds=2), timedelta(minutes=1)
BACKUP_AGE = timedelta(days=2)


def database_findings() -> Iterator[Finding]:
    """Yield findings that rest on one another: a database that is silent has one."""
    yield _version()
    waiting = unapplied_migrations()
    if waiting:
        text = f"{waiting} migrations are not applied."
        yield error("migrations", text, "Run `manage.py migrate`.")
    else:
        yield ok("migrations", "All are applied.")
    yield _secret()
    yield _clock()
    unmigrated = "The database is not migrated yet."
    yield skipped("backup", unmigrated) if waiting else _backup()
    yield skipped("visitors", unmigrated) if waiting else _visitors()


def _version() -> Finding:
    if connection.vendor == "sqlite":
        return ok("database", f"SQLite at {connection.settings_dict['NAME']} answers.")
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (version,) = cursor.fetchone()
    text = f"PostgreSQL {version} answers."
    if int(version.partition(".")[0]) < OLDEST_POSTGRES:
        return error("database", text, f"Use PostgreSQL {OLDEST_POSTGRES} or later.")
    return ok("database", text)


def _secret() -> Finding:
    try:
        is_checked = check_installation()
    except ImproperlyConfigured as problem:
        text, _, remedy = str(problem).partition(". ")
        return error("secret", f"{text}.", remedy)
    if is_checked:
        return ok("secret", "SECRET_KEY is the one that the database knows.")
    return skipped("secret", "The database is not migrated yet.")


def _clock() -> Finding:
    if connection.vendor == "sqlite":
        return skipped("clock", "SQLite has this machine's clock.")
    before = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (there,) = cursor.fetchone()
    after = timezone.now()
    skew = max(before - there, there - after, timedelta())
    text = f"This machine's clock and the database's differ by {skew.total_seconds():.1f} s."
    remedy = "Run a time service (chrony, systemd-timesyncd) on both machines."
    if skew > SKEW_HARMFUL:
        return error("clock", text, remedy)
    return warning("clock", text, remedy) if skew > SKEW_NOTED else ok("clock", text)


def _backup() -> Finding:
    last = BackupRecord.objects.first()
    remedy = "Run `manage.py backup FOLDER` nightly, and copy the folder elsewhere."
    if last is None:
        return warning("backup", "No backup was ever made.", remedy)
    age = timezone.now() - last.made_at
    text = f"The last one is of {last.made_at:%Y-%m-%d %H:%M} UTC, at {last.place}."
    return warning("backup", text, remedy) if age > BACKUP_AGE else ok("backup", text)


def _visitors() -> Finding:
    """Name sites that keep ids as they were sent, and those whose replacement broke off."""
    forms: dict[str, list[str]] = {}
    for key, form in SiteSecret.objects.order_by("site__key").values_list("site__key", "visitors"):
        forms.setdefault(form, []).append(key)
    if moving := forms.get(SiteSecret.Visitors.MOVING):
        text = f"Ids are being replaced by digests ({', '.join(moving)}); nothing is counted."
        return error("visitors", text, "Unless it is running, run `manage.py digest_visitors`.")
    if as_sent := forms.get(SiteSecret.Visitors.AS_SENT):
        text = f"Ids are stored as they were sent ({', '.join(as_sent)})."
        return warning("visitors", text, "Run `manage.py digest_visitors` (docs/operations.md).")
    return ok("visitors", "They are stored as digests.")
