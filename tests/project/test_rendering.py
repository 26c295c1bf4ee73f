"""Pages of this project show CTAs by the service's own evaluation, without the network."""

import pytest

from ctaopt import rendering
from experiments.api.public.edge import Edge
from experiments.api.public.ofrep import PREFIX
from experiments.services.snapshot_store import SnapshotStore
from tests import factories
from tests.experiments.api.public.conftest import django_app
from tests.wsgi_client import WSGIClient


@pytest.fixture
def running(db):
    return factories.make_running_experiment(factories.make_slot(factories.make_site()))


@pytest.fixture(autouse=True)
def fresh_store(monkeypatch):
    store = SnapshotStore(max_age_s=0.0)
    monkeypatch.setattr(rendering, "_store", lambda: store)
    return store


def test_answer_is_that_of_the_interface(running, fresh_store):
    context = {"targetingKey": "v-1", "locale": "en"}
    client = WSGIClient(Edge(django_app, fresh_store), key="shop-client-key")
    answer = client.post(PREFIX, {"context": context}).json()["flags"]
    assert rendering.evaluate(key="shop-client-key", context=context) == answer


def test_unknown_key_gets_no_answer(running):
    assert rendering.evaluate(key="no-such-key", context={"targetingKey": "v-1"}) == []
