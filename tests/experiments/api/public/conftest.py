import pytest
import time_machine

from experiments.api.public import router
from experiments.api.public.router import Edge
from experiments.services.serving import snapshot_store
from experiments.services.serving.snapshot_store import SnapshotStore
from tests.factories import NOW
from tests.wsgi_client import WSGIClient


@pytest.fixture(autouse=True)
def _frozen_time():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(autouse=True)
def _connection_of_the_test(monkeypatch):
    """Leave the test its connection, in mid-transaction, as Django's own test client does."""
    for module in (router, snapshot_store):
        monkeypatch.setattr(module, "close_old_connections", lambda: None)


def django_app(environ, start_response):
    """Stands for Django: says which path it was handed."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode("latin-1")]


@pytest.fixture
def store():
    """A store that looks at the database for every request."""
    return SnapshotStore(max_age_s=0.0)


@pytest.fixture
def browser(db, store):
    """A page of the shop: its client key, as in a browser."""
    return WSGIClient(Edge(django_app, store), key="shop-client-key")


@pytest.fixture
def script(tmp_path, settings):
    """A built snippet in a project folder of its own."""
    settings.BASE_DIR = tmp_path
    path = tmp_path / "sdk" / "dist" / "cta.js"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"'use strict';\n")
    return path
