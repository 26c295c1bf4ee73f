"""Version of the code that computes reports: its release, and a hash of its own sources."""

import hashlib
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGE = Path(__file__).parent
# What counts, compares, words and draws a report, within this package: its templates, its French
# and the predictor aside.
SOURCES = (
    "formatting.py",
    *("assignment", "event_schema", "models", "selectors", "stats", "targeting"),
    *(
        f"services/{name}"
        for name in (
            *("analysis", "catalogue", "documents", "exploration", "insights", "lifecycle"),
            *("pictures", "reporting", "rollups"),
        )
    ),
)
SUFFIXES = {".py", ".typ"}
DIGITS = 12


@cache
def report_code() -> str:
    """Return the release with a hash of the sources of reports, as `0.1.0+3f2a9c1d4b5e`.

    The same sources have the same hash, from a checkout or an installed package, on every system;
    a line that an installation changed has another. Read once a process.
    """
    digest = sources_digest(PACKAGE)
    return f"{_release()}+{digest}" if digest else _release()


def sources_digest(package: Path) -> str:
    """Return the first digits of the SHA-256 of the sources; empty where there are none to read."""
    files = sorted(_files(package), key=lambda path: path.relative_to(package).as_posix())
    found = hashlib.sha256()
    for path in files:
        # Windows writes ends of lines of its own.
        content = path.read_bytes().replace(b"\r\n", b"\n")
        name = path.relative_to(package).as_posix()
        found.update(f"{name}:{len(content)}:".encode() + content)
    return found.hexdigest()[:DIGITS] if files else ""


def _files(package: Path) -> list[Path]:
    files = []
    for name in SOURCES:
        place = package / name
        files += [place] if place.is_file() else list(place.rglob("*"))
    return [path for path in files if path.suffix in SUFFIXES and path.is_file()]


def _release() -> str:
    """Return the number of the release: of the checkout, or else of the installed package."""
    project = PACKAGE.parent / "pyproject.toml"
    try:
        return str(tomllib.loads(project.read_text())["project"]["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        pass
    try:
        return metadata.version("ctaopt")
    except metadata.PackageNotFoundError:
        return "unknown"
