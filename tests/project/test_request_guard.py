from io import BytesIO

import pytest
from django.test import Client, RequestFactory

from ctaopt.refusals.request_guard import request_guard
from experiments.models import Experiment
from tests import factories

TRAFFIC = "/api/v1/experiments/hero-test/traffic/"


@pytest.fixture
def server(db):
    site = factories.make_site()
    factories.make_running_experiment(factories.make_slot(site))
    return Client(headers={"X-API-Key": factories.make_server_key(site)})


def post_chunked(client, body, **environ):
    """As granian hands over a body in chunks: no length, and perhaps the promise of an end."""
    request = RequestFactory().generic("POST", TRAFFIC, b"", content_type="application/json")
    given = {
        **request.environ,
        "wsgi.input": BytesIO(body),
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": "",
        "HTTP_TRANSFER_ENCODING": "chunked",
        **client.defaults,
        **environ,
    }
    return client.request(**given)


def test_body_in_chunks_is_read_where_its_end_is_promised(server):
    answer = post_chunked(server, b'{"coverage": "0.5"}', **{"wsgi.input_terminated": True})
    assert (answer.status_code, answer.json()["coverage"]) == (200, 0.5)


def test_body_in_chunks_is_else_refused_and_never_taken_as_none(server):
    answer = post_chunked(server, b'{"coverage": "0.5"}')
    assert (answer.status_code, answer.json()["status"]) == (411, 411)
    assert Experiment.objects.get().coverage == 1


def test_endless_body_is_read_up_to_the_limit(server, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    answer = post_chunked(server, b"x" * 5_000, **{"wsgi.input_terminated": True})
    assert answer.status_code == 413


def test_empty_body_without_a_length_stays_empty():
    seen = []
    guard = request_guard(lambda request: seen.append(request.body))
    request = RequestFactory().post("/")
    request.META |= {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    request.META["wsgi.input"] = BytesIO(b"")
    guard(request)
    assert seen == [b""]


@pytest.mark.parametrize(
    "path",
    [
        "/admin/experiments/experiment/?status__exact=%00",
        "/admin/autocomplete/?term=%00&app_label=experiments&model_name=cta&field_name=tags",
        "/api/v1/principles/?locale=%00",
        "/api/v1/visitors/v-1/?site=a%00b",
    ],
)
def test_nul_in_a_query_is_refused_on_every_database(admin_client, path):
    answer = admin_client.get(path)
    assert answer.status_code == 400
    reason = "NUL" if path.startswith("/api/") else "This request cannot be used"
    assert reason in answer.content.decode()


def test_percent_sign_before_zeros_is_no_nul(admin_client):
    assert admin_client.get("/admin/experiments/cta/?q=100%2500").status_code == 200


@pytest.mark.parametrize("length", ["x", "-1", "1e3", "٣"])
def test_length_that_is_no_number_is_refused(admin_client, length):
    answer = admin_client.post("/admin/experiments/cta/", CONTENT_LENGTH=length)
    assert answer.status_code == 400
