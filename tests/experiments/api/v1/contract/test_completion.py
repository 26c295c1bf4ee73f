"""The OpenAPI document, sent through: schemathesis asks what it allows, and what it does not.

`CTAOPT_CONTRACT_CASES` sets the examples of each operation; `make nightly` tries many more.
"""

import os
from datetime import timedelta
from decimal import Decimal
from functools import cache

import pytest
import schemathesis
from django.contrib.auth import get_user_model
from django.core.handlers.wsgi import WSGIHandler
from django.db import transaction
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from experiments.api.public import router
from experiments.api.public.router import BELOW, ROUTES, Edge
from experiments.api.v1.contract import completion
from experiments.models import (
    CTA,
    Audience,
    FrozenReport,
    Job,
    Namespace,
    ServerKey,
    ShareLink,
    Slot,
)
from experiments.services.serving import snapshot_store
from experiments.services.serving.snapshot_store import SnapshotStore
from tests import factories
from tests.factories import NOW
from tests.fuzzing.service import TOKEN, session_of

load_all_checks()
CASES = int(os.environ.get("CTAOPT_CONTRACT_CASES", "12"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# In a process of its own, and without an end: its own tests listen to it.
ELSEWHERE = {"ofrep_stream"}
METHODS = {"get", "post", "put", "patch", "delete"}
BOUNDED = settings(
    max_examples=CASES,
    deadline=None,
    database=None,
    # A number of one's own asks for examples that nobody has tried.
    derandomize="CTAOPT_CONTRACT_CASES" not in os.environ,
    phases=[Phase.generate],
    verbosity=Verbosity.quiet,
    suppress_health_check=list(HealthCheck),
)


def fresh_document():
    return SchemaGenerator().get_schema(request=None, public=True)


# It takes half a second, and it is the same for each of the hundred operations.
document = cache(fresh_document)


def operations():
    for path, item in document()["paths"].items():
        for method in METHODS & set(item):
            yield pytest.param(path, method, id=item[method]["operationId"])


@pytest.fixture
def service(db, monkeypatch):
    """The whole service in this process: the routes before Django, and Django."""
    for module in (router, snapshot_store):
        monkeypatch.setattr(module, "close_old_connections", lambda: None)
    return Edge(WSGIHandler(), SnapshotStore(max_age_s=0.0))


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker):
    """A site with data of each kind, in a transaction around those of the tests."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)


def make_world():
    """A site with data of each kind, and a key of each scope."""
    site = factories.make_site()
    site.holdout = Decimal("0.1")
    site.save()
    slot = factories.make_slot(site)
    running = factories.make_running_experiment(slot)
    factories.make_phases(running, ([0.5, 0.5], 1.0), ([0.25, 0.75], 1.0))
    factories.make_event(running.variants.get(key="b"))
    factories.make_rollup(running.variants.get(key="b"), visitors=500, clicks=20)
    french = factories.make_audience(site)
    factories.make_experiment(slot, "draft", audience=french)
    frozen = running.frozen_reports.create(
        frozen_at=NOW, code_version="1", digest="d", content="{}"
    )
    frozen.links.create(token_digest="t", created_at=NOW, expires_at=NOW + timedelta(days=7))
    # Free to change and to go.
    factories.make_cta(site, "Unused")
    factories.make_audience(site, "unused")
    site.namespaces.create(key="space", seed="space")
    factories.make_slot(site, "unused")
    factories.make_library_experiment(site)
    asked = {"locale": "en", "wordings": ["Go"], "control": "Start"}
    moments = {"created_at": NOW, "heartbeat_at": NOW, "language": "en"}
    Job.objects.create(kind="ranking", site=site, request=asked, **moments)
    for scope in ("read", "write", "erase", "analyse", "manage"):
        factories.make_server_key(site, f"key-to-{scope}", scopes=[scope])
    factories.make_server_key(site, "old-key", expires_at=timezone.now() - timedelta(days=1))
    factories.make_server_key(site, scopes=ServerKey.Scope.values)
    return site


def superuser():
    """What a person with a session sends."""
    session = session_of(get_user_model().objects.create_superuser("root"))
    cookies = {"sessionid": session, "csrftoken": TOKEN}
    return {"headers": {"X-CSRFToken": TOKEN}, "cookies": cookies}


def seeds(site):
    """What is there, for the parameters in an address."""
    kinds = (CTA, Audience, Namespace, Slot, Job, FrozenReport, ShareLink)
    numbers = {pk for kind in kinds for pk in kind.objects.values_list("pk", flat=True)}
    return {
        "key": ["hero-test", "draft", "library", "shop"],
        "slot": ["hero", "library-home"],
        "client_key": [site.client_key],
        "visitor": ["v-1"],
        "version": ["0.1.0", "0.2.0"],
        "id": sorted({1, *numbers}),
        "superuser": superuser(),
    }


ARMS = [{"name": "a", "n": 100, "sum": 5}, {"name": "b", "n": 100, "sum": 9}]
# Bodies that do something: few of those that are made up do.
BODIES = {
    "v1_analyze_create": {"metric": "proportion", "arms": ARMS},
    "v1_rankings_create": {"wordings": ["Start", "Go"], "control": "Send", "locale": "en"},
    "v1_experiments_traffic_create": {"shares": {"control": "0.5", "b": "0.5"}, "note": "even"},
    "v1_experiments_ramp_create": {"steps": [{"coverage": "0.5"}, {"coverage": 1}]},
    "v1_experiments_schedule_create": {"ends_at": "2099-01-01T00:00:00Z"},
    "v1_experiments_roll_back_create": {"reason": "slow"},
    "v1_experiments_restore_arm_create": {"arm": "b"},
    "v1_sites_create": {"key": "new", "name": "New", "time_zone": "Europe/Paris"},
    "v1_sites_partial_update": {"name": "Shop", "holdout": "0.05"},
    "v1_ctas_create": {
        "name": "New",
        "destination": "/new",
        "wordings": [{"locale": "fr_fr", "text": "Nouveau"}],
        "tags": ["spring"],
    },
    "v1_ctas_partial_update": {"wordings": [{"locale": "en", "text": "Go"}], "tags": []},
    "v1_audiences_create": {"key": "new", "name": "New", "condition": {"device": "mobile"}},
    "v1_audiences_partial_update": {"condition": {"$not": {"locale": "fr"}}},
    "v1_namespaces_create": {"key": "new", "seed": "new"},
    "v1_namespaces_partial_update": {"seed": "other"},
    "v1_slots_create": {"key": "new", "name": "New", "default_cta": 1},
    "v1_slots_partial_update": {"name": "New", "position": "footer"},
    "v1_experiments_create": {
        "slot": "unused",
        "key": "new",
        "name": "New",
        "variants": [{"key": "control", "cta": 1, "share": "0.5"}],
        "guardrails": [{"metric": "conversion_rate", "goal": "order"}],
    },
    "v1_frozen_reports_create": {"experiment": "hero-test", "note": "n"},
    "v1_frozen_reports_links_create": {
        "expires_at": (timezone.now() + timedelta(days=30)).isoformat()
    },
    "v1_experiments_partial_update": {"name": "New", "secondary_metrics": []},
    "ofrep_evaluate_one": {"context": {"targetingKey": "v-1", "locale": "fr"}},
    "ofrep_evaluate_all": {"context": {"targetingKey": "v-1"}},
    "events": {"events": [factories.event_message(), {}, 1]},
}
KEYS = ["shop-server-key"] * 5
KEYS += ["key-to-read", "key-to-write", "key-to-erase", "key-to-analyse", "old-key", ""]
KEYS += ["key-to-manage"] * 2
KEYS += ["shop-client-key"] * 3


@st.composite
def requests(draw, operation, modes, known):
    """A case of the document, with a key, and as often as not about something that is there."""
    case = draw(operation.as_strategy(generation_mode=draw(st.sampled_from(modes))))
    for name in set(case.path_parameters or {}) & set(known):
        if draw(st.integers(0, 3)):
            case.path_parameters[name] = draw(st.sampled_from(known[name]))
    body = BODIES.get(operation.definition.raw["operationId"])
    if body is not None and not draw(st.integers(0, 2)):
        case.body, case.media_type = body, "application/json"
    # No server creates a site: the body that does something is always a person's.
    if operation.definition.raw["operationId"] == "v1_sites_create":
        is_known = case.body is body
        if draw(st.integers(0, 3)) or is_known:
            return case, known["superuser"]
    key = draw(st.sampled_from(KEYS))
    # The client in the process unpacks nothing.
    plain = {"Accept-Encoding": "identity"}
    return case, {"headers": plain | ({"X-API-Key": key} if key else {})}


def send(case, sender):
    """Send a case, check the answer, and take back what it has changed."""
    with transaction.atomic():
        response = case.call(**sender)
        transaction.set_rollback(True)
    case.validate_response(response, checks=CHECKS)
    return response


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), [*operations()])
def test_answers_keep_to_the_document(service, world, path, method):
    schema = schemathesis.openapi.from_dict(document())
    schema.app = service
    operation = schema[path][method.upper()]
    if operation.definition.raw["operationId"] in ELSEWHERE:
        return
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    seen = []

    @BOUNDED
    @given(case=requests(operation, modes, seeds(world)))
    def check(case):
        seen.append(send(*case).status_code)

    check()
    assert any(status < 400 or status in {404, 409} for status in seen)


@pytest.mark.slow
def test_answers_keep_to_the_document_along_its_links(service, world):
    schema = schemathesis.openapi.from_dict(document())
    schema.app = service
    machine = schema.as_state_machine()
    statuses = []

    class Walk(machine):
        """A walk along the links, which is taken back at its end: the next finds the same."""

        def setup(self):
            self.block = transaction.atomic()
            self.block.__enter__()

        def teardown(self):
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

        def get_call_kwargs(self, case):
            return {"headers": {"X-API-Key": "shop-server-key", "Accept-Encoding": "identity"}}

        def validate_response(self, response, case, *args, **kwargs):
            statuses.append(response.status_code)
            case.validate_response(response, checks=CHECKS)

    run_state_machine_as_test(Walk, settings=settings(BOUNDED, stateful_step_count=8))
    assert {200, 400} <= set(statuses)


def test_document_has_every_route_before_django(db):
    paths = document()["paths"]
    own = {route.name for route in ROUTES.values()} | {route.name for _, route in BELOW}
    assert own == {
        "evaluate_all",
        "evaluate_one",
        "events",
        "snippet",
        "snippet_release",
        "payload",
        "fragment",
        "healthz",
        "readyz",
        "metrics",
    }
    assert set(ROUTES) <= set(paths)
    for prefix, _ in BELOW:
        assert any(path.startswith(prefix + "{") for path in paths), prefix


def test_every_operation_has_a_tag_a_summary_and_its_refusals(db):
    for path, item in document()["paths"].items():
        for method in METHODS & set(item):
            operation = item[method]
            assert len(operation["tags"]) == 1, path
            assert 5 < len(operation["summary"]) < 120, path
            if path.startswith("/api/v1/") and path != "/api/v1/events":
                assert {"400", "401", "403", "429", "503"} <= set(operation["responses"]), path
                for status, said in operation["responses"].items():
                    if status >= "400":
                        assert list(said["content"]) == ["application/problem+json"], path


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("slot-list", "/api/v1/slots/"),
        ("experiment-detail", "/api/v1/experiments/{key}/"),
        ("experiment-report", "/api/v1/experiments/{key}/report/"),
        ("experiment-roll-back", "/api/v1/experiments/{key}/roll-back/"),
        ("ranking", "/api/v1/rankings/{id}/"),
        ("analyze", "/api/v1/analyze"),
        ("visitor", "/api/v1/visitors/{visitor}"),
    ],
)
def test_document_marks_the_deprecated_route_and_no_other(db, monkeypatch, name, path):
    monkeypatch.setattr(completion, "DEPRECATED", {name: None})
    marked = {
        path
        for path, item in fresh_document()["paths"].items()
        for method in METHODS & set(item)
        if item[method].get("deprecated")
    }
    assert marked == {path}


def test_every_body_of_a_request_takes_no_other_field(db):
    known = document()
    for path, item in known["paths"].items():
        if not path.startswith("/api/v1/") or path == "/api/v1/events":
            continue
        for method in {"post", "patch"} & set(item):
            shape = item[method]["requestBody"]["content"]["application/json"]["schema"]
            if "$ref" in shape:
                shape = known["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
            assert shape["additionalProperties"] is False, path
    assert known["components"]["schemas"]["RampStep"]["additionalProperties"] is False


def test_document_is_served_and_valid(db):
    answer = Client().get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})
    served = answer.json()
    assert served["openapi"].startswith("3.1")
    assert served["components"]["schemas"]["Traffic"]["additionalProperties"] is False
    assert "null" in str(served["components"]["schemas"]["Experiment"]["properties"]["audience"])
