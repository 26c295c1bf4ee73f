"""Folders that must exist before anything starts."""

import hashlib
import os
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

MAX_SOCKET_PATH = 100


def made_folder(path: Path) -> Path:
    """Return the folder, made if it was not there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"Cannot write to {path} ({error.strerror}): set CTAOPT_DATA_DIR to a folder of yours."
        ) from error
    return path


def socket_path(data_dir: Path) -> Path:
    """Return where the scoring service's socket goes: beside the data, if its path is short enough.

    The system takes 107 bytes; a longer one goes to the folder of temporary files, by a name that
    is this installation's own.
    """
    path = data_dir / "scoring.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"ctaopt-{name}.sock"


def socket_mode(text: str) -> str:
    """Return the mode of the scoring service's socket, with the leading 0 that granian needs.

    Others than its user and group are never let in: the token would be all that stops them.
    """
    if text.lstrip("0") not in {"600", "660"}:
        raise ImproperlyConfigured(f"CTAOPT_SCORING_SOCKET_MODE: {text} is neither 0600 nor 0660.")
    return f"0{text.lstrip('0')}"
