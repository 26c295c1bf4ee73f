import pytest
from django.db import OperationalError

from experiments.selectors import serving
from experiments.services.catalogue.config_revision import bump_revision

pytestmark = pytest.mark.on_both_databases


def silent():
    raise OperationalError("connection refused")


def test_healthz_asks_nobody(browser, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(serving, "config_revision", silent)
    with django_assert_num_queries(0):
        answer = browser.get("/healthz")
    assert (answer.status, answer.json()) == (200, {"status": "ok"})


def test_readyz_names_the_revision(browser, site):
    bump_revision()
    answer = browser.get("/readyz")
    assert (answer.status, answer.json()) == (200, {"status": "ok", "revision": 1})


def test_readyz_says_no_without_the_database_even_with_a_snapshot(browser, monkeypatch, site):
    assert browser.get("/readyz").status == 200
    monkeypatch.setattr(serving, "config_revision", silent)
    answer = browser.get("/readyz")
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
