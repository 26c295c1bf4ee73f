"""The Celery application: a folder as the embedded broker, or Redis."""

import os
from logging import config, getLogger
from pathlib import Path
from typing import Any

from celery import Celery, signals
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from ctaopt import filesystem_broker
from ctaopt.observability.request_ids import NOBODY, request_id

filesystem_broker.register()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctaopt.settings.prod")
# They import every page: 30 MB of a worker. Those of the installation are below.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")
app = Celery("ctaopt")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.worker_init.connect
@signals.worker_ready.connect
@signals.beat_init.connect
def refuse_wrong_installation(signal: Any = None, **_: Any) -> None:
    """End a worker or beat that has another secret, or whose restore was interrupted."""
    # The applications of the settings exist by now, not when this module is imported.
    from experiments.services.installation import start_guard  # noqa: PLC0415

    # A worker forks its clock after the first signal. SQLite must not be open then, in no thread:
    # the child would inherit what SQLite knows of its locks without the locks, and two processes
    # that write at the same time destroy the database. A silent one is asked again by a thread,
    # which a worker begins with the second signal, after the fork.
    is_before_fork = signal is signals.worker_init
    check = start_guard.check_installation if is_before_fork else start_guard.guard_start
    try:
        check()
    except ImproperlyConfigured as error:
        # The signal would only log any other exception.
        raise SystemExit(str(error)) from error
    finally:
        connections.close_all()


@signals.worker_init.connect
@signals.beat_init.connect
@signals.before_task_publish.connect
def make_broker_folders(**_: Any) -> None:
    """The file-system broker does not make its own folders, on either side."""
    for name in ("data_folder_in", "control_folder"):
        folder = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get(name)
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)


@signals.worker_init.connect
def remove_abandoned_messages(**_: Any) -> None:
    """Tidy the folder up at the start of a worker: a full disk leaves half-written messages."""
    folder = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("data_folder_in")
    if folder:
        filesystem_broker.remove_abandoned(Path(folder))


@signals.setup_logging.connect
def set_up_logging(loglevel: int | None = None, **_: Any) -> None:
    """Log as the web process does: Celery would put handlers of its own in the place of ours."""
    config.dictConfig(settings.LOGGING)
    if loglevel is not None:
        getLogger().setLevel(loglevel)


@signals.before_task_publish.connect
def hand_on_request_id(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Give a task the id of the request that starts it."""
    if headers is not None and request_id.get() != NOBODY:
        # In queues; never rename.
        headers["ctaopt_request_id"] = request_id.get()


@signals.task_prerun.connect
def take_request_id(task_id: str = "", task: Any = None, **_: Any) -> None:
    """Log under the id of the request, or of the task if the clock started it."""
    if task.request.is_eager:  # Within a request, whose id it is.
        return
    request_id.set(task.request.get("ctaopt_request_id") or task_id)


@signals.task_postrun.connect
def drop_request_id(task: Any = None, **_: Any) -> None:
    if not task.request.is_eager:
        request_id.set(NOBODY)
