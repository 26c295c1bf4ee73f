"""WSGI entry point of the scoring service: `ml.scoring_service`, seen from outside.

It shows that it lives, shares its counters, and has traces where they are configured.
"""

from multiprocessing.util import Finalize

# Sets Django up.
from ml.scoring_service import application as answering  # isort: skip

from django.conf import settings

from ctaopt.observability.request_ids import WSGIApp, identified
from ctaopt.observability.scoring_times import timed
from experiments.services.monitoring.heartbeats import Heart, Role
from experiments.services.monitoring.process_metrics import share_metrics

heart = Heart(Role.SCORING)
heart.start()
# A worker of the server's ends without `atexit`.
Finalize(None, heart.stop, exitpriority=10)
share_metrics(
    folder=settings.CTAOPT_METRICS_DIR, role="scoring", address=settings.CTAOPT_METRICS_ADDRESS
)
application: WSGIApp = timed(answering)
if settings.CTAOPT_TRACES_URL:
    from ctaopt.observability.tracing import traced

    application = traced(application)
application = identified(application)
