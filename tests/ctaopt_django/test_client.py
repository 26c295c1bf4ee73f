"""Asking a real HTTP server, which may be gone, slow or in a bad mood."""

import pytest

from ctaopt_django import client
from tests.end_to_end.fake_service import FakeService
from tests.end_to_end.snippet import flag


@pytest.fixture
def service():
    fake = FakeService(flags=[flag()])
    yield fake
    client.close()
    fake.stop()


def ask(service, timeout_s=5.0):
    return client.evaluate(
        url=service.origin, key="k-1", context={"targetingKey": "v-1"}, timeout_s=timeout_s
    )


def test_answer_comes_over_a_connection_that_is_kept(service):
    assert ask(service) == ask(service) == service.flags
    assert len(service.connections) == 1
    assert service.evaluations[0].headers["x-api-key"] == "k-1"
    assert service.evaluations[0].context == {"targetingKey": "v-1"}


def test_connection_that_was_closed_meanwhile_is_made_anew(service):
    assert ask(service)
    service.hang_up()
    assert ask(service) == service.flags


@pytest.mark.parametrize("status", [401, 500])
def test_refusal_is_no_answer(service, status, caplog):
    service.evaluation_status = status
    assert ask(service) == []
    assert f"the service answered {status}" in caplog.text


def test_slow_service_is_not_waited_for(service, caplog):
    service.gate.clear()
    assert ask(service, timeout_s=0.05) == []
    assert "no answer" in caplog.text


def test_service_that_is_gone_gives_no_answer(service, caplog):
    service.stop()
    assert ask(service) == []
    assert "no answer" in caplog.text
