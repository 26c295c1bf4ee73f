"""Refusal to start on another installation's database, or after an interrupted restore."""

import logging
import os
import signal
import threading
from pathlib import Path
from time import sleep
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, ProgrammingError, connection, connections

from experiments.models import SecretDigest
from experiments.services.installation.secret_identity import (
    SecretMismatchError,
    confirm_secret,
)

logger = logging.getLogger(__name__)

# Stored, in the data folder while a restore runs; never rename.
UNFINISHED_RESTORE = "restore-unfinished"
AGAIN_S = 5.0


def unfinished_restore() -> Path:
    return Path(settings.DATA_DIR) / UNFINISHED_RESTORE


def check_installation() -> bool:
    """Refuse a wrong secret and a half restore; return False if the database cannot answer now.

    Raises:
        ImproperlyConfigured: With the remedy.
    """
    if unfinished_restore().exists():
        raise ImproperlyConfigured(
            f"A restore into {settings.DATA_DIR} was interrupted: what is there is incomplete. "
            "Run `manage.py restore FOLDER --force` again."
        )
    try:
        confirm_secret()
    except SecretMismatchError as error:
        raise ImproperlyConfigured(str(error)) from error
    except (OperationalError, ProgrammingError):
        return False
    return True


def guard_start() -> None:
    """Check the installation as a process starts; a silent database is asked until it answers.

    Raises:
        ImproperlyConfigured: With the remedy. Found later, it ends the process with SIGTERM.
    """
    if not check_installation():
        logger.warning("The database is silent or has no tables yet: its secret is checked later.")
        threading.Thread(target=_check_later, name="start-guard", daemon=True).start()


def _check_later() -> None:
    is_checked = False
    while not is_checked:
        sleep(AGAIN_S)
        try:
            is_checked = check_installation()
        except ImproperlyConfigured as error:
            logger.critical("%s", error)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        finally:
            connection.close()


def record_secret(*, using: str, **_: Any) -> None:
    """Record the secret at the first `migrate`; where the table is gone, nothing is left to do."""
    if SecretDigest._meta.db_table in connections[using].introspection.table_names():
        confirm_secret()


def secret_is_ours(*, databases: Any = None, **_: Any) -> list[CheckMessage]:
    """Return the system check of `migrate` and `check --database`."""
    if not databases:
        return []
    try:
        check_installation()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="ctaopt.E001")]
    return []
