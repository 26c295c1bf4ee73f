from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

# The Celery application must exist before a shared task is called from any process.
from ctaopt.celery import app as celery_app  # noqa: F401

# Functions that the settings of an installation may name, by where they were.
MOVED = {
    "ctaopt.rendering.evaluate": "ctaopt.local_evaluation.evaluate",
    "experiments.services.archive.history_rows": (
        "experiments.services.learning.history_rows.history_rows"
    ),
}


class CtaoptConfig(AppConfig):
    name = "ctaopt"

    def ready(self) -> None:
        """Refuse to start with a setting that names a function where it no longer is.

        Raises:
            ImproperlyConfigured: With the new path. Without this check the first page or
                training that needs it would fail, long after the upgrade.
        """
        # Models exist from here on; it connects to Celery's signals.
        from ctaopt.observability import signs_of_life  # noqa: F401, PLC0415

        if settings.CTAOPT_TRACES_URL:
            from ctaopt.observability.tracing import TaskTraces  # noqa: PLC0415

            self.task_traces = TaskTraces()  # Celery keeps its receivers by weak references.
            self.task_traces.connect()
        options: dict[str, Any] = getattr(settings, "CTAOPT_DJANGO", {})
        named = {f'CTAOPT_DJANGO["{name}"]': value for name, value in options.items()}
        named["CTAOPT_HISTORY_SOURCE"] = settings.CTAOPT_HISTORY_SOURCE
        for name, value in named.items():
            if value in MOVED:
                raise ImproperlyConfigured(f"{name}: {value} has moved, name {MOVED[value]}.")
