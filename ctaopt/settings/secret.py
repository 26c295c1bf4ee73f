"""The secret key: from the environment, or made once and kept beside the data."""

from collections.abc import Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

DEMO_SECRET_KEY = "demo-only-secret-key-that-prod-settings-refuse"  # noqa: S105
MIN_LENGTH = 32


def checked_secret_key(configured: str, *, data_dir: Path) -> str:
    """Return the configured key, or the installation's own; refuse a known or short one."""
    key = configured or _kept_key(data_dir / "secret_key")
    if key == DEMO_SECRET_KEY or key.startswith("django-insecure"):
        raise ImproperlyConfigured("SECRET_KEY is a published default: set one of your own.")
    if len(key) < MIN_LENGTH:
        raise ImproperlyConfigured(f"SECRET_KEY has {len(key)} characters: use {MIN_LENGTH}.")
    return key


def checked_fallbacks(configured: Sequence[str]) -> list[str]:
    """Return the former keys that are accepted while the secret is rotated; refuse weak ones."""
    for key in configured:
        if key == DEMO_SECRET_KEY or key.startswith("django-insecure"):
            raise ImproperlyConfigured("SECRET_KEY_FALLBACKS has a published default: remove it.")
        if len(key) < MIN_LENGTH:
            raise ImproperlyConfigured(
                f"SECRET_KEY_FALLBACKS has a key of {len(key)} characters: use {MIN_LENGTH}."
            )
    return list(configured)


def _kept_key(path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(get_random_secret_key())
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"Cannot keep a secret key in {path}: {error}.") from error
