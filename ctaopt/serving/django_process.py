"""WSGI entry point of Django's own process, behind the front (ctaopt.serving.front)."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctaopt.settings.prod")
django_application = get_wsgi_application()

# Models and settings exist from here on.
from django.conf import settings  # noqa: E402
from django.urls import get_resolver  # noqa: E402

from ctaopt.graceful_restart import VARIABLE, WSGIApp, drained  # noqa: E402
from ctaopt.observability.request_ids import identified  # noqa: E402
from experiments.services.installation.start_guard import guard_start  # noqa: E402
from experiments.services.monitoring.process_metrics import share_metrics  # noqa: E402

# How the front tells of its client; nobody else reaches the socket.
ADDRESS, SCHEME = "HTTP_X_CTAOPT_ADDRESS", "HTTP_X_CTAOPT_SCHEME"


def behind_front(app: WSGIApp) -> WSGIApp:
    """Return the application as if it had the front's connection itself."""

    def application(environ: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["REMOTE_ADDR"] = environ.pop(ADDRESS, "")
        environ["wsgi.url_scheme"] = environ.pop(SCHEME, "http")
        return app(environ, start_response)

    return application


# All pages are loaded here, so that nobody waits for the first.
get_resolver().url_patterns  # noqa: B018
guard_start()
application: WSGIApp = behind_front(identified(django_application))
share_metrics(folder=settings.CTAOPT_METRICS_DIR, role="pages")
if VARIABLE in os.environ:
    application = drained(application, os.environ[VARIABLE])
