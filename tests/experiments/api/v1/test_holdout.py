import pytest

from experiments.models import Site
from tests import factories

URL = "/api/v1/holdout/"


@pytest.fixture
def held(site):
    Site.objects.update(holdout="0.1")
    return site


def test_server_reads_its_own_site(server, held):
    answer = server.get(URL, {"goal": "order"}).json()
    assert (answer["goal"], answer["share"], answer["others"]) == ("order", 0.1, 0)
    assert answer["shipped"] == []


def test_site_without_a_holdout_is_not_found(server, site):
    answer = server.get(URL, {"goal": "order"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "This site holds nobody out.")


@pytest.mark.parametrize(
    "query", [{}, {"goal": "order", "days": 0}, {"goal": "order", "days": 999}]
)
def test_query_that_makes_no_sense_is_refused(server, held, query):
    assert server.get(URL, query).status_code == 400


def test_staff_name_the_site(admin_client, held):
    factories.make_slot(held)
    assert admin_client.get(URL, {"goal": "order"}).status_code == 400
    assert admin_client.get(URL, {"goal": "order", "site": "shop"}).status_code == 200


def test_stranger_sees_nothing(client, held):
    assert client.get(URL, {"goal": "order"}).status_code in (401, 403)
