import pytest

from experiments.models import Comment
from tests import factories

pytestmark = pytest.mark.django_db


def of(experiment, page):
    return f"/api/v1/experiments/{experiment.key}/{page}/"


def post(client, path, body, **more):
    return client.post(path, body, "application/json", **more)


def test_comments_are_written_listed_and_removed(admin_client, draft):
    path = of(draft, "comments")
    assert admin_client.get(path).json() == []
    [made] = post(admin_client, path, {"text": "Why?"}).json()
    assert (made["text"], made["author"], made["server_key"]) == ("Why?", "owner", "")
    assert admin_client.get(path).json() == [made]
    assert admin_client.delete(f"{path}?comment={made['id']}").json() == []
    assert admin_client.delete(f"{path}?comment={made['id']}").status_code == 404
    assert admin_client.delete(path).status_code == 400
    assert post(admin_client, path, {"text": ""}).status_code == 400


def test_server_writes_by_its_key_and_removes_no_other_s(client, admin_client, draft, server_key):
    path, key = of(draft, "comments"), {"X-API-Key": server_key}
    post(admin_client, path, {"text": "Why?"})
    client.logout()
    rows = post(client, path, {"text": "Deployed"}, headers=key).json()
    assert (rows[1]["author"], rows[1]["server_key"].split()[0]) == (None, "backend")
    assert client.delete(f"{path}?comment={rows[0]['id']}", headers=key).status_code == 403
    assert client.delete(f"{path}?comment={rows[1]['id']}", headers=key).status_code == 200
    assert Comment.objects.get().text == "Why?"


def test_labels_replace_those_that_are_there(admin_client, running_experiment, site):
    factories.make_member(site, "marketer", "ada")
    path = of(running_experiment, "labels")
    body = {"tags": ["spring", "sale"], "owner": "ada"}
    shown = post(admin_client, path, body).json()
    assert (shown["tags"], shown["owner"]) == (["sale", "spring"], "ada")
    shown = post(admin_client, path, {"tags": [], "owner": None}).json()
    assert (shown["tags"], shown["owner"]) == ([], None)
    assert post(admin_client, path, {"tags": [], "owner": "eve"}).status_code == 400
    assert post(admin_client, path, {"tags": ["x" * 51], "owner": None}).status_code == 400
