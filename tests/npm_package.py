"""The snippet's npm package, packed and installed as its users would."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.missing import leave_out, node

PROJECT = Path(__file__).parents[1]
SDK = PROJECT / "sdk"
# The one list of bots, of snippet and service.
BOTS = Path("experiments", "services", "events", "crawler_words.json")
QUIET = ("--silent", "--no-audit", "--no-fund")


@cache
def npm() -> str:
    node(SDK)
    program = shutil.which("npm")
    if program is None:
        leave_out("npm is not installed (Debian package npm)")
    return program


def pack(folder: Path) -> Path:
    """Pack a copy of sdk/, which leaves the working tree as it is; return the package."""
    source = folder / "project" / "sdk"
    shutil.copytree(SDK, source, ignore=shutil.ignore_patterns("node_modules", "lib", "LICENSE"))
    (source / "node_modules").symlink_to((SDK / "node_modules").resolve())
    shutil.copy(PROJECT / "LICENSE", source.parent)
    words = source.parent / BOTS
    words.parent.mkdir(parents=True)
    shutil.copy(PROJECT / BOTS, words)
    # By its name: whoever set `ignore-scripts` has no script run by npm itself.
    _npm(source, "run", "package", *QUIET)
    (packed,) = json.loads(_npm(source, "pack", "--json", *QUIET))
    return source / packed["filename"]


def install(package: Path, folder: Path) -> Path:
    """Install the package, and nothing else, into an empty folder; return the folder."""
    folder.mkdir()
    (folder / "package.json").write_text('{"private": true, "type": "module"}\n')
    # It has no dependencies, so no registry is asked.
    _npm(folder, "install", "--offline", str(package), *QUIET)
    return folder


def _npm(folder: Path, *arguments: str) -> str:
    result = subprocess.run(
        [npm(), *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    # What scripts of the package print comes before npm's own words.
    return result.stdout[result.stdout.find("[") :] if "--json" in arguments else result.stdout
