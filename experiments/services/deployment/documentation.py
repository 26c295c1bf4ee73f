"""The documentation as a site: built by MkDocs in a process of its own, once for its sources."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from django.conf import settings

SOURCE = Path(settings.BASE_DIR) / "docs"
CONFIGURATION = Path(settings.BASE_DIR) / "mkdocs.yml"
SOURCES = {".md", ".py", ".svg", ".png", ".css"}


class NotBuiltError(RuntimeError):
    """The documentation could not be built."""


@cache
def built_site() -> Path:
    """Return the folder of the site, built if it is not there or is one of other sources."""
    place = Path(settings.DATA_DIR).resolve() / "docs"
    site = place / _digest()
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Another process may be building it.
        if not site.is_dir():
            build(place / "next")
            for former in place.glob("*/"):
                if former.name != "next":
                    shutil.rmtree(former)
            (place / "next").rename(site)
    return site


def build(folder: Path) -> None:
    """Build the site into a folder; a page or link that does not exist is an error."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    command += ["--config-file", str(CONFIGURATION), "--site-dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise NotBuiltError(f"The documentation could not be built: {done.stderr or done.stdout}")


def _digest() -> str:
    """Return a name that changes with the sources."""
    files = sorted(one for one in SOURCE.rglob("*") if one.suffix in SOURCES)
    parts = [str(one.name).encode() + one.read_bytes() for one in (CONFIGURATION, *files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
