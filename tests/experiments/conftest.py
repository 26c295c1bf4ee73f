import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client

from experiments.services.serving.snapshot import build_snapshot
from ml import predict
from tests import factories
from tests.crowd import crowd, shop  # noqa: F401
from tests.demo import demo_site  # noqa: F401
from tests.experiments.meaning_service import MeaningService
from tests.factories import NOW


@pytest.fixture(scope="session")
def conformance(shared_dir: Path) -> dict[str, list[list[Any]]]:
    """GrowthBook's language-independent SDK cases, by section."""
    return json.loads((shared_dir / "conformance" / "growthbook-cases.json").read_text())


@pytest.fixture
def meaning_service(monkeypatch):
    """A service of search by meaning, still without an index."""
    service = MeaningService()
    monkeypatch.setattr(predict, "update_meaning_index", service.update)
    monkeypatch.setattr(predict, "ask_by_meaning", service.ask)
    return service


@pytest.fixture
def site(db):
    """The site `shop`, any origin, English."""
    return factories.make_site()


@pytest.fixture
def slot(site):
    """The slot `hero` of the shop."""
    return factories.make_slot(site)


@pytest.fixture
def draft(slot):
    """The experiment `hero-test` before its start, arms `control` and `b`."""
    return factories.make_experiment(slot)


@pytest.fixture
def running_experiment(slot):
    """The experiment `hero-test`, running for a week, arms `control` and `b`."""
    return factories.make_running_experiment(slot)


@pytest.fixture
def server_key(site):
    """The shop's secret key."""
    return factories.make_server_key(site)


@pytest.fixture
def other_site(db):
    """A site that must not see anything of the shop."""
    return factories.make_site("rival")


@pytest.fixture
def other_server_key(other_site):
    """The rival's secret key."""
    return factories.make_server_key(other_site)


@pytest.fixture
def owner(db):
    """A person who may do everything."""
    return get_user_model().objects.create_superuser("owner")


@pytest.fixture
def stranger(db):
    """A person with a log-in, but without rights."""
    return get_user_model().objects.create_user("stranger")


@pytest.fixture
def viewer_client(site):
    """The browser of a person who may only look at the shop."""
    client = Client()
    client.force_login(factories.make_member(site, "viewer"))
    return client


@pytest.fixture
def real_database(transactional_db, tmp_path):
    """A database that threads may write to at once: a file, or the server the suite runs on."""
    memory = connections["default"]
    if memory.vendor != "sqlite":
        yield
        return
    settings = connections.settings["default"]
    name = settings["NAME"]
    settings["NAME"] = str(tmp_path / "threads.sqlite3")
    connections["default"] = connections.create_connection("default")
    connections["default"].ensure_connection()
    memory.connection.backup(connections["default"].connection)
    yield
    connections["default"].close()
    settings["NAME"] = name
    connections["default"] = memory


@pytest.fixture
def admin_client(client, owner):
    """The owner's browser."""
    client.force_login(owner)
    return client


@pytest.fixture
def served(running_experiment):
    """The shop as serving and ingestion see it, with its running experiment."""
    site = running_experiment.slot.site
    return build_snapshot(revision=1, now=NOW).client_keys[site.client_key]
