"""Checks of the machine: modes of the data folder, free disk, collected static files."""

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage

from experiments.services.deployment.findings import Finding, error, ok, warning

OTHERS = stat.S_IRWXG | stat.S_IRWXO
# Below the first share of a disk its operator should know, below the second events are at risk.
LITTLE_FREE, NOTHING_FREE = 0.10, 0.02


def machine_findings() -> Iterator[Finding]:
    yield from mode_findings(Path(settings.DATA_DIR))
    yield disk_finding(Path(settings.DATA_DIR))
    yield static_finding()


def mode_findings(folder: Path) -> Iterator[Finding]:
    """Yield what other accounts of the machine may read."""
    secret = folder / "secret_key"
    if secret.exists() and stat.S_IMODE(secret.stat().st_mode) & OTHERS:
        yield error("secret file", f"{secret} is readable by others.", f"chmod 600 {secret}")
    if stat.S_IMODE(folder.stat().st_mode) & stat.S_IRWXO:
        yield warning(
            "data folder",
            f"Every account of this machine may enter {folder}.",
            f"chmod -R u=rwX,go= {folder}, and start the service with umask 077.",
        )
    else:
        yield ok("data folder", f"{folder} is closed to other accounts.")


def disk_finding(folder: Path) -> Finding:
    usage = shutil.disk_usage(folder)
    share = usage.free / usage.total
    text = f"{usage.free / 1e9:,.1f} GB of {usage.total / 1e9:,.1f} GB are free at {folder}."
    if share < NOTHING_FREE:
        return error("disk", text, "Make room now: events are refused when the disk is full.")
    if share < LITTLE_FREE:
        return warning("disk", text, "Make room, or set CTAOPT_EVENT_DAYS.")
    return ok("disk", text)


def static_finding() -> Finding:
    """Compare the collected static files with those that the code brings."""
    storage: Any = staticfiles_storage
    if not isinstance(storage, ManifestFilesMixin):
        return ok("static files", "They are served from where the code is.")
    hashed = storage.hashed_files
    missing = [
        path
        for finder in finders.get_finders()
        for path, _ in finder.list([])
        if path.replace("\\", "/") not in hashed
    ]
    if missing:
        return error(
            "static files",
            f"{len(missing):,} static files are not collected, such as {missing[0]}: pages fail.",
            "Run `manage.py collectstatic --noinput`, then restart the web processes.",
        )
    return ok("static files", f"{len(hashed):,} files are collected.")
