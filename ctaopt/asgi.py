"""ASGI entry point of the change stream for OFREP clients; ctaopt.wsgi serves all else."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctaopt.settings.prod")
django.setup(set_prefix=False)

# Models and settings exist from here on.
from django.conf import settings  # noqa: E402

from ctaopt.observability.request_ids import identified_asgi  # noqa: E402
from experiments.api.streaming.change_stream import Stream  # noqa: E402
from experiments.services.installation.start_guard import guard_start  # noqa: E402
from experiments.services.serving.snapshot_store import SnapshotStore  # noqa: E402

guard_start()
application = identified_asgi(
    Stream(
        SnapshotStore(max_age_s=settings.CTAOPT_SNAPSHOT_MAX_AGE_S / 2),
        max_connections=settings.CTAOPT_STREAM_MAX_CONNECTIONS,
        max_per_address=settings.CTAOPT_STREAM_MAX_PER_ADDRESS,
    )
)
