"""The log of real processes: lines and JSON, ids of requests, nothing personal."""

import json
import os
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from ctaopt.observability.logs import logging_config
from tests.databases import migrated_sqlite

REQUESTS = """
from ctaopt.wsgi import application
from tests import factories
from tests.wsgi_client import WSGIClient
from django.contrib.auth import get_user_model
from django.test import Client

key = factories.make_server_key(factories.make_site())
client = WSGIClient(application, key=key)
client.get("/api/v1/visitors/jean.dupont@example.fr/", headers={"X-Request-ID": "r-1"})
browser = Client()
browser.force_login(get_user_model().objects.create_user("stranger", is_staff=True))
browser.get("/admin/experiments/cta/")
"""


@pytest.fixture
def run(pytestconfig, tmp_path):
    """Run a program under the tests' settings; return the lines of its log."""

    def lines(*command, **variables):
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "ctaopt.settings.test",
            "CTAOPT_DATA_DIR": str(tmp_path),
            "DATABASE_URL": migrated_sqlite(tmp_path / "site.sqlite3"),
            **variables,
        }
        result = subprocess.run(
            [sys.executable, *command],
            cwd=pytestconfig.rootpath,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stderr.splitlines()

    return lines


def test_requests_are_logged_as_json_with_their_id_and_without_the_visitor(run):
    lines = run("-c", REQUESTS, CTAOPT_LOG_FORMAT="json")
    records = [json.loads(line) for line in lines]
    refused = [record for record in records if record["logger"] == "django.request"]
    assert refused[0]["request_id"] == "r-1"
    assert all(record["level"] == "WARNING" for record in refused)
    assert "jean.dupont" not in "".join(lines)
    # A refusal is no fault of ours.
    assert not [record for record in records if record.get("exc_info")]


def test_lines_have_the_id_too(run):
    lines = run("-c", REQUESTS)
    assert any("django.request [r-1]:" in line for line in lines)
    assert "jean.dupont" not in "".join(lines)
    assert "Traceback" not in "".join(lines)


def test_unknown_format_is_refused():
    with pytest.raises(ImproperlyConfigured, match="'xml' is none of line, json"):
        logging_config("xml")


EVERY_LOGGER = """
import django, logging
django.setup()
from ctaopt.observability.request_ids import request_id
request_id.set("r-2")
for _ in range(3):
    for name in ("experiments.api", "django.request", "celery.app", "_granian"):
        logging.getLogger(name).error("postgres://u:p@h/d is silent")
"""


JSON = {"CTAOPT_LOG_FORMAT": "json", "DJANGO_SETTINGS_MODULE": "ctaopt.settings.prod"}


def test_every_logger_goes_through_the_one_handler(run):
    records = [json.loads(line) for line in run("-c", EVERY_LOGGER, **JSON)]
    assert len(records) == 8  # each once, and at the end how often it was repeated
    for record in records[:4]:
        assert record["request_id"] == "r-2"
        assert record["message"] == "postgres://[masked]@h/d is silent"
    assert {record["repeated"] for record in records[4:]} == {2}
