"""Seeded requests to every route: whatever is sent, none is answered 5xx."""

from collections import Counter

import pytest
from django.db import transaction

from experiments.api.public import router
from experiments.services.serving import snapshot_store
from tests.fuzzing import PAGES, ROUTES, Fuzzer, Service, make_world, session_of

pytestmark = [pytest.mark.slow, pytest.mark.on_both_databases]

SEED = 20_261_128


@pytest.fixture
def service(owner, monkeypatch):
    for module in (router, snapshot_store):
        monkeypatch.setattr(module, "close_old_connections", lambda: None)
    make_world()
    return Service(session_of(owner))


@pytest.mark.parametrize(
    ("number", "share_of_pages"), [(3_000, 0.0), (600, 1.0)], ids=["programs", "people"]
)
def test_no_request_is_answered_with_a_fault(service, number, share_of_pages, caplog):
    statuses = Counter()
    for sent in Fuzzer(SEED, share_of_pages=share_of_pages).requests(number):
        with transaction.atomic():
            status, _ = service.answer(sent)
            transaction.set_rollback(True)
        caplog.clear()
        assert status < 500, sent
        statuses[status] += 1
    assert {200, 400, 404} <= set(statuses)


def test_same_seed_asks_the_same_and_every_route():
    first, again = ([*Fuzzer(SEED).requests(2_000)] for _ in range(2))
    assert first == again
    asked = {(sent.address.split("?")[0].split("/")[1]) for sent in first}
    assert asked >= {"admin", "api", "ofrep", "fragment"}
    assert len(ROUTES) + len(PAGES) > 30
