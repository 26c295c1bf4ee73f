"""Files for the account alone that runs the service: visitors, sessions and hashes are in them."""

import os
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE

OTHERS = 0o077
# Whoever may connect to the scoring service's socket must be able to reach it.
GROUP_ENTERS = 0o010


def make_private(folder: Path, *, group_enters: bool = False) -> None:
    """Have every new file of the process be its own alone, and close a folder that is open.

    What an earlier version has left open in it is closed, too. Folders of somebody else, such as
    mounted volumes, stay as they are; the files in them that are one's own are closed.
    """
    os.umask(OTHERS)
    allowed = 0o700 | (GROUP_ENTERS if group_enters else 0)
    if not _mode(folder) & 0o777 & ~allowed:
        return
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            _close(Path(parent) / name, 0o700)
        _close(Path(parent), allowed if Path(parent) == folder else 0o700)


def _close(path: Path, allowed: int) -> None:
    # Gone meanwhile, or somebody else's: neither stops the service.
    with suppress(FileNotFoundError, PermissionError):
        if not path.is_symlink() and not path.is_socket():
            path.chmod(_mode(path) & (allowed | 0o7000))


def _mode(path: Path) -> int:
    return S_IMODE(path.stat().st_mode)
