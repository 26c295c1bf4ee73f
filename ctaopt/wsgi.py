"""WSGI entry point: the hot path first, Django for the rest."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctaopt.settings.prod")
django_application = get_wsgi_application()

# Models and settings exist from here on.
from django.conf import settings  # noqa: E402

from ctaopt.graceful_restart import VARIABLE, WSGIApp, drained  # noqa: E402
from ctaopt.observability.request_ids import identified, request_id, sane_or_new  # noqa: E402
from experiments.api.public.http import RequestIds  # noqa: E402
from experiments.api.public.router import Edge  # noqa: E402
from experiments.services.events.redis_durability import warn_at_start  # noqa: E402
from experiments.services.installation.start_guard import guard_start  # noqa: E402
from experiments.services.monitoring.process_metrics import share_metrics  # noqa: E402
from experiments.services.serving.snapshot_store import SnapshotStore  # noqa: E402

guard_start()
max_age_s = settings.CTAOPT_SNAPSHOT_MAX_AGE_S
store = SnapshotStore(max_age_s=max_age_s, in_background=max_age_s > 0)
application: WSGIApp = Edge(
    identified(django_application),
    store,
    request_ids=RequestIds(new=sane_or_new, set=request_id.set),
)
share_metrics(folder=settings.CTAOPT_METRICS_DIR, role="web")
if VARIABLE in os.environ:  # Served by ctaopt.serve, which restarts its workers.
    application = drained(application, os.environ[VARIABLE])
warn_at_start()
