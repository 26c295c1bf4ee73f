"""What tests need and this machine has not: they skip themselves, and the end says what to get."""

import shutil
from collections import Counter
from pathlib import Path
from typing import NoReturn

import pytest

LEFT_OUT = "left out: "


def leave_out(missing: str) -> NoReturn:
    """Skip the test at hand. The sentence says what is missing and which Debian package has it."""
    pytest.skip(LEFT_OUT + missing)


def node(folder: Path) -> str:
    """Return the path of Node.js; leave the test out without it or the folder's packages."""
    program = shutil.which("node")
    if program is None:
        leave_out("Node.js is not installed (Debian packages nodejs and npm)")
    # npm writes it last.
    if not (folder / "node_modules" / ".package-lock.json").exists():
        leave_out(f"no npm packages (Debian package npm, then `npm ci --prefix {_short(folder)}`)")
    return program


def reasons_of(skipped) -> list[str]:
    """Return a line for each reason why tests were skipped, the reason of most tests first."""
    reasons = Counter(_reason_of(report) for report in skipped)
    return [f"{counted(count)}: {reason}" for reason, count in reasons.most_common()]


def counted(count: int) -> str:
    """Return "1 test", "2 tests"."""
    return f"{count} test{'s' * (count != 1)}"


def _reason_of(report) -> str:
    longrepr = report.longrepr
    reason = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return reason.removeprefix("Skipped: ").removeprefix(LEFT_OUT)


def _short(folder: Path) -> Path:
    return folder.relative_to(Path(__file__).parents[1])
