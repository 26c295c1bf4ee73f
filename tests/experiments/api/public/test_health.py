import json

import pytest
from django.conf import settings as configured
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from experiments.api.public import health
from experiments.selectors import serving
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.monitoring.readiness import migration_names

pytestmark = pytest.mark.on_both_databases


@pytest.fixture(autouse=True)
def no_answer_kept(monkeypatch):
    monkeypatch.setattr(health, "_answer", health.VerboseAnswer())


def verbose(browser):
    return browser.get("/readyz", query="verbose")


def states(answer):
    return {check["name"]: check["ok"] for check in answer.json()["checks"]}


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


def test_readyz_is_cheap(browser, site, django_assert_max_num_queries):
    browser.get("/readyz")
    with django_assert_max_num_queries(4):
        browser.get("/readyz")


@pytest.mark.parametrize("query", ["", "verbose"])
def test_readyz_says_that_migrations_are_missing(browser, site, query):
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied(*sorted(migration_names())[-1])
    answer = browser.get("/readyz", query=query)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    if not query:
        assert "lacks 1 migrations: run manage.py migrate" in answer.json()["errorDetails"]
    else:
        assert answer.json()["status"] == "failing"
        assert not states(answer)["migrations"]


def test_every_check_is_told(browser, site):
    answer = verbose(browser)
    assert (answer.status, answer.json()["status"]) == (200, "ok")
    assert set(states(answer)) == {
        *("snapshot", "disk", "migrations", "waiting_batches", "broker", "rollups"),
        *("worker", "beat", "consumer", "scoring", "periodic_tasks", "rejected_events"),
    }


def test_dead_worker_takes_no_web_process_out_of_the_balancer(browser, site, settings):
    settings.CELERY_TASK_ALWAYS_EAGER = False
    answer = verbose(browser)
    assert (answer.status, answer.json()["status"]) == (200, "degraded")
    assert not states(answer)["worker"]
    assert browser.get("/readyz").status == 200


def test_strangers_learn_no_path_no_address_and_no_name_of_a_site(browser, running_experiment):
    body = json.dumps(verbose(browser).json())
    for secret in (str(configured.DATA_DIR), "shop", "hero", "://", "localhost", "127.0.0.1"):
        assert secret not in body


def test_checks_of_many_askers_are_made_once(browser, site, django_assert_num_queries):
    first = verbose(browser)
    with django_assert_num_queries(0):
        assert verbose(browser).body == first.body


def test_silent_database_is_told_in_full(browser, site, monkeypatch):
    verbose(browser)
    monkeypatch.setattr(health, "_answer", health.VerboseAnswer())
    monkeypatch.setattr("experiments.services.monitoring.readiness.unapplied_migrations", silent)
    answer = verbose(browser)
    assert answer.status == 503
    assert not states(answer)["migrations"]
