"""Whatever is sent to the serving endpoints is refused politely: never a 500, never a hang."""

import io
import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.api.public.ofrep import PREFIX as OFREP
from experiments.api.public.payload import PREFIX as PAYLOAD
from experiments.api.public.router import Edge
from experiments.services.serving.snapshot_store import SnapshotStore
from tests import factories
from tests.experiments.api.public.conftest import django_app
from tests.wsgi_client import WSGIClient, call

pytestmark = pytest.mark.on_both_databases

REFUSALS = {400, 401, 403, 404, 405, 413, 415, 429}
KEY = b"shop-client-key"
# Each operator once, on attributes that the fuzzer knows.
CONDITION = {
    "$or": [
        {"a": {"$in": ["x", 1, None]}, "b": {"$nin": ["y"]}},
        {"a": {"$all": ["x", {"$gt": 1}]}, "$not": {"c": {"$size": {"$gt": 2}}}},
        {"a.b.0.c": {"$eq": 1}, "$nor": [{"b": {"$exists": True}}]},
        {"c": {"$elemMatch": {"a": {"$regex": "^x+y"}}}},
        {"c": {"$elemMatch": {"$lt": 5}}, "a": {"$type": "array"}},
        {"b": {"$vgte": "1.2.3"}, "a": {"$ini": ["X"]}, "c": {"$alli": ["Y"]}},
        {"b": {"$regexi": "(a|b)*c"}, "a": {"$ne": 5}, "c": {"$gt": "m"}},
        {"a": {"b": {"c": [1, 2]}}},
    ]
}


@pytest.fixture
def edge(slot):
    """A site whose slot asks all sorts of conditions."""
    audience = factories.make_audience(slot.site, condition=CONDITION)
    factories.make_running_experiment(slot, audience=audience)
    app = Edge(django_app, SnapshotStore(max_age_s=3600.0))
    WSGIClient(app).get(f"{PAYLOAD}/shop-client-key")  # The snapshot is there.
    return app


def send(app, *, method="POST", path=f"{OFREP}/hero", body=b"", **environ):
    """Call it as a server would, without a checker of headers that no client must keep to."""
    return WSGIClient(app).request(
        method, path, body=body, environ={"HTTP_X_API_KEY": KEY.decode(), **environ}
    )


def assert_polite(answer, method="POST"):
    assert answer.status in REFUSALS | {200, 204, 304}, answer
    if answer.status in REFUSALS - {401, 403, 405} and method != "HEAD":
        content = answer.json()
        assert content["errorCode"], answer
        assert content["errorDetails"], answer


WORDS = (
    *(b'{"context":', b'{"targetingKey":', b'"v-1"', b"{}", b"[]", b"[[[[", b"null", b"true"),
    *(b'"a":', b'"b":', b'"c":', b'"locale":', b"1e308", b"-0.0", b"9" * 400, b'"\\ud800"'),
    *(
        b'"x" ',
        b",",
        b"}",
        b"]",
        b'"',
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b'"' + b"a" * 300 + b'"',
    ),
)
VALID = b'{"context":{"targetingKey":"v-1","locale":"fr","a":["x"],"b":"1.2","c":[{"a":"xy"}]}}'


def mutated(rng):
    """A valid body that something has happened to, some times over."""
    body = bytearray(VALID)
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(body) + 1)
        kind = rng.random()
        if kind < 0.4:
            body[place:place] = rng.choice(WORDS)
        elif kind < 0.7:
            del body[place : place + rng.randint(1, 12)]
        elif body and place < len(body):
            body[place] = rng.randrange(256)
    return bytes(body)


@pytest.mark.parametrize("path", [f"{OFREP}/hero", OFREP])
def test_mutated_bodies_are_answered_or_refused(edge, path):
    rng = random.Random(20_261_125)  # noqa: S311  a test's dice
    statuses = set()
    for _ in range(2_000):
        answer = send(edge, path=path, body=mutated(rng))
        assert_polite(answer)
        statuses.add(answer.status)
    assert statuses == {200, 400}


HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("HTTP_X_API_KEY", "HTTP_AUTHORIZATION", "HTTP_IF_NONE_MATCH", "HTTP_ORIGIN"),
            *("CONTENT_TYPE", "CONTENT_LENGTH", "QUERY_STRING", "HTTP_CONTENT_ENCODING"),
        ]
    ),
    # What a server hands over: bytes as latin-1.
    st.text(st.characters(max_codepoint=255), max_size=60)
    | st.sampled_from(
        [
            "Bearer shop-client-key",
            "shop-client-key",
            "application/json",
            "-1",
            "9" * 30,
            '"x", W/',
        ],
    ),
    max_size=4,
)
PATHS = st.sampled_from([OFREP, f"{OFREP}/hero", f"{PAYLOAD}/shop-client-key"]) | st.text(
    st.characters(max_codepoint=255), max_size=40
).map(lambda text: f"{OFREP}/{text}")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "PROPFIND"]),
    path=PATHS,
    headers=HEADERS,
    body=st.binary(max_size=100) | st.just(VALID),
)
def test_any_request_line_and_headers_are_answered_or_refused(edge, method, path, headers, body):
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_API_KEY": KEY.decode(),
        **headers,
    }
    assert_polite(call(edge, environ), method)


def nested(depth, kind):
    opened, closed = {"list": (b"[", b"]"), "object": (b'{"a":', b"}")}[kind]
    return opened * depth + b"1" + closed * depth


BOMBS = {
    "deep lists": b'{"context":{"targetingKey":"v","a":%b}}' % nested(900, "list"),
    "deep objects": b'{"context":{"targetingKey":"v","a":%b}}' % nested(900, "object"),
    "past all sense": b'{"context":{"targetingKey":"v","a":%b}}' % nested(10_000, "list"),
    "many attributes": json.dumps(
        {"context": {"targetingKey": "v", **{f"k{n}": n for n in range(5_000)}}}
    ).encode(),
    "a long list": json.dumps({"context": {"targetingKey": "v", "c": ["x"] * 15_000}}).encode(),
    "a long text": json.dumps({"context": {"targetingKey": "v", "b": "ab" * 32_000}}).encode(),
    "a long language": json.dumps(
        {"context": {"targetingKey": "v", "locale": "f-" * 32_000}}
    ).encode(),
    "a great number": b'{"context":{"targetingKey":"v","b":%b}}' % (b"9" * 60_000),
    "one key over and over": b'{"context":{"targetingKey":"v"%b}}' % (b',"a":1' * 10_000),
    "too large": b'{"context":{"targetingKey":"v","b":"%b"}}' % (b"x" * 70_000),
}


@pytest.mark.parametrize("path", [f"{OFREP}/hero", OFREP])
@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_bombs_do_no_harm(edge, path, body):
    assert_polite(send(edge, path=path, body=body))


@pytest.mark.parametrize(
    ("key", "slot_key", "status"),
    [
        ("shop-client-key", "hero/", 404),
        ("shop-client-key", "a/b", 404),
        ("shop-client-key", "..", 404),
        ("shop-client-key", "%2e%2e", 404),
        ("rival-client-key", "hero", 404),
        ("revoked-key", "hero", 401),
        ("shop-client-key\x00", "hero", 401),
        ("é", "hero", 401),
    ],
)
def test_keys_and_slots_that_are_not_there(edge, other_site, slot, key, slot_key, status):
    factories.make_server_key(slot.site, "revoked-key", revoked_at=factories.NOW)
    app = Edge(django_app, SnapshotStore(max_age_s=0.0))
    answer = send(app, path=f"{OFREP}/{slot_key}", body=VALID, HTTP_X_API_KEY=key)
    assert answer.status == status
    if status == 404:
        assert (answer.json()["key"], answer.json()["errorCode"]) == (slot_key, "FLAG_NOT_FOUND")
