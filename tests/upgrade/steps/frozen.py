"""Django as every step of the fixture runs it: test settings, and a clock that stands."""

from datetime import UTC, datetime

import django
import time_machine

# All steps happen at this moment: reports depend on it.
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SERVER_KEY = "shop-server-key"
CLIENT_KEY = "shop-client-key"
EVENTS_PATH = "/api/v1/events"
ERASED = "v-erased"


def begin():
    """Stop the clock and start Django, with tasks that go through the broker."""
    time_machine.travel(NOW, tick=False).start()
    django.setup()
    from ctaopt.celery import app

    app.conf.task_always_eager = False
    return app


def client(key):
    """A client of the service as granian would serve it."""
    from ctaopt.wsgi import application
    from tests.wsgi_client import WSGIClient

    return WSGIClient(application, key=key)
