"""Folders that must exist before anything starts."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def made_folder(path: Path) -> Path:
    """Return the folder, made if it was not there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"Cannot write to {path} ({error.strerror}): set CTAOPT_DATA_DIR to a folder of yours."
        ) from error
    return path
