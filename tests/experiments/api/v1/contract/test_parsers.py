import pytest
from django.urls import reverse

from experiments.api.v1.contract.parsers import MAX_DEPTH

DEEP = {
    "lists": b"[" * 5_000 + b"]" * 5_000,
    "objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "half of it": b"[" * 100_000,
    "just too deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
}
POSTS = ["traffic", "ramp", "schedule", "roll-back", "restore-arm", "start", "stop", "archive"]


def post(server, url, body, **options):
    return server.post(url, body, **({"content_type": "application/json"} | options))


def urls():
    steps = [f"/api/v1/experiments/hero-test/{step}/" for step in POSTS]
    return ["/api/v1/analyze", "/api/v1/rankings/", *steps]


@pytest.mark.parametrize("name", DEEP)
@pytest.mark.parametrize("url", urls())
def test_deep_json_is_refused(server, running_experiment, url, name):
    answer = post(server, url, DEEP[name])
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


BROKEN = {
    "no JSON": b"{",
    "NaN": b'{"note": NaN}',
    "Infinity": b'{"coverage": -Infinity}',
    "lone surrogate": b'{"note": "\\ud800", "coverage": "0.5"}',
    "lone surrogate in a name": b'{"\\udfff": 1}',
    "Latin-1": '{"note": "é"}'.encode("latin-1"),
    "NUL in a text": b'{"note": "\\u0000", "coverage": "0.5"}',
    "long number": b'{"coverage": ' + b"9" * 5_000 + b"}",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_json_or_no_text_is_refused(server, running_experiment, name):
    answer = post(server, "/api/v1/experiments/hero-test/traffic/", BROKEN[name])
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_whole_characters_outside_the_basic_plane_are_taken(server, running_experiment):
    url = "/api/v1/experiments/hero-test/traffic/"
    assert post(server, url, b'{"note": "\\ud83d\\ude00", "coverage": "0.5"}').status_code == 200
    assert running_experiment.changes.get().note.endswith("\U0001f600")


def test_large_body_is_413_and_other_types_are_415(server, running_experiment, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    url = "/api/v1/experiments/hero-test/traffic/"
    assert post(server, url, b'{"note": "%b"}' % (b"x" * 100)).status_code == 413
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = post(server, url, b"coverage=0.5", content_type=kind)
        assert (answer.status_code, answer.json()["status"]) == (415, 415)


def test_admin_takes_deep_json_as_no_json(admin_client):
    url = reverse("admin:experiments_audience_check")
    for body in ("[" * 5_000, '{"$not":' * 5_000 + "{}" + "}" * 5_000):
        sent = {"condition_mode": "json", "condition_json": body, "example": ""}
        assert admin_client.post(url, sent).json()["is_in"] is None
