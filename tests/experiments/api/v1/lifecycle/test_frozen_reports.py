from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from experiments.models import Change, ShareLink
from experiments.services.documents.frozen_reports import text_digest
from tests.experiments.services.counted_experiments import count

URL = "/api/v1/frozen-reports/"


@pytest.fixture
def experiment(running_experiment):
    count(running_experiment, (4_000, 400), (4_000, 520))
    return running_experiment


def post(client, url, **body):
    return client.post(url, body, content_type="application/json")


@pytest.fixture
def frozen(server, experiment):
    answer = post(server, URL, experiment=experiment.key, note="For the board")
    assert answer.status_code == 201, answer.content
    return answer.json()


def in_days(days):
    return (timezone.now() + timedelta(days=days)).isoformat()


def links_of(frozen):
    return f"{URL}{frozen['id']}/links/"


def test_frozen_version_is_listed_and_read_whole(server, frozen, experiment):
    (listed,) = server.get(URL, {"experiment": experiment.key}).json()["results"]
    assert (listed["note"], listed["visitors"]) == ("For the board", 8_000)
    assert "content" not in listed
    whole = server.get(f"{URL}{frozen['id']}/").json()
    assert (whole["is_intact"], whole["links"]) == (True, [])
    assert [arm["visitors"] for arm in whole["content"]["arms"]] == [4_000, 4_000]
    assert server.get(URL, {"experiment": "other"}).json()["count"] == 0


def test_draft_is_not_frozen(server, slot, draft):
    assert post(server, URL, experiment=draft.key).status_code == 409


def test_view_is_frozen_or_refused_by_its_field(server, experiment):
    view = {"arm": "control", "against": "b"}
    content = post(server, URL, experiment=experiment.key, view=view).json()["content"]
    assert content["view"]["arm"] == "control"
    refused = post(server, URL, experiment=experiment.key, view={"arm": "z"})
    assert (refused.status_code, refused.json()["field"]) == (400, "view.arm")


def test_link_opens_without_a_log_in_until_it_is_closed(server, frozen, experiment):
    answer = post(server, links_of(frozen), expires_at=in_days(7), password="open sesame")
    link = answer.json()
    assert (answer.status_code, link["has_password"]) == (201, True)
    assert "no-store" in answer.headers["Cache-Control"]
    page = Client().get(link["url"])
    assert page.status_code == 200
    (listed,) = server.get(links_of(frozen)).json()
    assert (listed["id"], listed["revoked_at"], "url" in listed) == (link["id"], None, False)
    assert server.delete(f"/api/v1/share-links/{link['id']}/").status_code == 204
    assert Client().get(link["url"]).status_code == 404
    assert server.delete(f"/api/v1/share-links/{link['id']}/").status_code == 409
    done = Change.objects.filter(experiment=experiment).values_list("kind", "server_key")
    assert {kind for kind, key in done if key} >= {"freeze", "share", "unshare"}


def test_only_a_digest_of_the_address_is_kept(server, frozen):
    url = post(server, links_of(frozen), expires_at=in_days(1)).json()["url"]
    token = url.rstrip("/").rpartition("/")[2]
    assert ShareLink.objects.get().token_digest == text_digest(token)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"expires_at": in_days(400)}, "expires_at"),
        ({"expires_at": in_days(-1)}, "expires_at"),
        ({"expires_at": in_days(1), "password": "short"}, "password"),
        ({}, "expires_at"),
        ({"expires_at": in_days(1), "colour": "red"}, "colour"),
    ],
    ids=["too long", "past", "short password", "no moment", "unknown"],
)
def test_bad_link_is_refused_by_its_field(server, frozen, body, field):
    answer = post(server, links_of(frozen), **body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_versions_and_links_of_another_site_are_not_there(other_server, server, frozen):
    link = post(server, links_of(frozen), expires_at=in_days(1)).json()
    assert other_server.get(URL).json()["count"] == 0
    assert other_server.get(f"{URL}{frozen['id']}/").status_code == 404
    assert post(other_server, links_of(frozen), expires_at=in_days(1)).status_code == 404
    assert other_server.delete(f"/api/v1/share-links/{link['id']}/").status_code == 404
    assert post(other_server, URL, experiment="hero-test").status_code == 404
    assert server.get(f"{URL}{10**30}/").status_code == 404
