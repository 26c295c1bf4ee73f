"""The Celery application: a folder as the embedded broker, or Redis."""

import os
from pathlib import Path
from typing import Any

from celery import Celery, signals
from django.conf import settings

from ctaopt import filesystem_broker

filesystem_broker.register()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctaopt.settings.prod")
app = Celery("ctaopt")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


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
