"""Pages of this project show CTAs by the service's own evaluation, without the network."""

import pytest

from ctaopt import local_evaluation
from experiments.api.public.ofrep import PREFIX
from experiments.api.public.router import Edge
from experiments.services.serving.snapshot_store import SnapshotStore
from tests import factories
from tests.experiments.api.public.conftest import django_app
from tests.wsgi_client import WSGIClient


@pytest.fixture
def running(db):
    return factories.make_running_experiment(factories.make_slot(factories.make_site()))


@pytest.fixture(autouse=True)
def fresh_store(monkeypatch):
    store = SnapshotStore(max_age_s=0.0)
    monkeypatch.setattr(local_evaluation, "_store", lambda: store)
    return store


def test_answer_is_that_of_the_interface(running, fresh_store):
    context = {"targetingKey": "v-1", "locale": "en"}
    client = WSGIClient(Edge(django_app, fresh_store), key="shop-client-key")
    answer = client.post(PREFIX, {"context": context}).json()["flags"]
    assert local_evaluation.evaluate(key="shop-client-key", context=context) == answer


def test_unknown_key_gets_no_answer(running):
    assert local_evaluation.evaluate(key="no-such-key", context={"targetingKey": "v-1"}) == []
