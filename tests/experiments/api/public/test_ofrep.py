"""What the OFREP 0.3.0 clients that are in use read, one test each."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.api.public import ofrep
from experiments.api.public.ofrep import PREFIX
from experiments.api.public.router import Edge
from experiments.models import CTAWording, Experiment
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.catalogue.key_use import KeyUses
from experiments.services.serving import snapshot_store
from experiments.services.serving.preview_links import preview_token
from experiments.services.serving.snapshot_store import SnapshotStore
from tests import factories
from tests.experiments.api.public.conftest import django_app
from tests.wsgi_client import WSGIClient

pytestmark = pytest.mark.on_both_databases

ONE = f"{PREFIX}/hero"
VISITOR = {"context": {"targetingKey": "v-1"}}


def context(**attributes):
    return {"context": {"targetingKey": "v-1"} | attributes}


def test_slot_without_experiment_gives_its_default_cta(browser, slot):
    answer = browser.post(ONE, VISITOR)
    style = {"background_color": "#1d4ed8", "text_color": "#ffffff", "size": "medium", "icon": ""}
    value = {"text": "Default hero", "href": "/go", "form": "button", "locale": "en", "dir": "ltr"}
    assert answer.status == 200
    assert answer.json() == {
        "key": "hero",
        "reason": "STATIC",
        "variant": "default",
        "value": value | {"style": style},
        "metadata": {"revision": 0},
    }


def test_experiment_gives_an_arm_with_its_propensity(browser, running_experiment):
    body = browser.post(ONE, VISITOR).json()
    arm = running_experiment.variants.get(key=body["variant"])
    assert body["reason"] == "SPLIT"
    assert body["value"]["text"] == f"hero-test {arm.key}"
    told = {"experiment": "hero-test", "arm": arm.arm, "phase": 0, "propensity": 0.5}
    assert body["metadata"] == told | {"revision": 0}


def test_visitor_keeps_the_arm_over_requests_and_endpoints(browser, running_experiment):
    for number in range(20):
        visitor = {"context": {"targetingKey": f"visitor {number} é"}}
        one, every = browser.post(ONE, visitor).json(), browser.post(PREFIX, visitor).json()
        assert one["metadata"].pop("revision") == every["metadata"]["revision"]
        assert every["flags"] == [one]


def test_bulk_answers_for_every_slot_of_the_site_and_no_other(browser, slot, other_site):
    factories.make_slot(slot.site, "footer")
    factories.make_slot(other_site, "rival-slot")
    flags = browser.post(PREFIX, VISITOR).json()["flags"]
    assert [flag["key"] for flag in flags] == ["footer", "hero"]


def test_bulk_of_a_site_without_slots_is_empty(browser, site):
    assert browser.post(PREFIX, VISITOR).json()["flags"] == []


def test_answers_carry_what_released_clients_read_without_asking(browser, running_experiment):
    for flag in (browser.post(ONE, VISITOR).json(), *browser.post(PREFIX, VISITOR).json()["flags"]):
        assert set(flag) >= {"key", "value", "variant", "reason"}
        assert flag["reason"] in {"STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"}
        # Clients drop metadata that is not flat.
        assert all(isinstance(value, str | int | float) for value in flag["metadata"].values())


def test_whole_numbers_that_may_be_fractions_are_written_as_fractions(browser, slot):
    # A Python client checks the type: 1 would not be a float.
    factories.make_running_experiment(slot, shares={"only": "1"})
    assert b'"propensity":1.0' in browser.post(ONE, VISITOR).body


@pytest.mark.parametrize("path", [ONE, PREFIX])
@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", "application/cta+json", ""],
)
def test_body_may_be_called_json_or_nothing(browser, slot, path, content_type):
    answer = browser.post(path, VISITOR, headers={"Content-Type": content_type})
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")


@pytest.mark.parametrize("path", [ONE, PREFIX])
@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "json",
        "\xff" * 500,
    ],
)
def test_body_that_calls_itself_something_else_is_refused(browser, slot, path, content_type):
    answer = browser.post(path, VISITOR, headers={"Content-Type": content_type})
    assert (answer.status, answer.json()["errorCode"]) == (415, "PARSE_ERROR")
    assert answer.json().get("key", "hero") == "hero"


UNUSABLE = [
    ("TARGETING_KEY_MISSING", {}),
    ("TARGETING_KEY_MISSING", {"context": {}}),
    ("TARGETING_KEY_MISSING", {"context": {"targetingKey": ""}}),
    ("TARGETING_KEY_MISSING", {"context": {"targetingKey": None}}),
    ("INVALID_CONTEXT", {"context": None}),
    ("INVALID_CONTEXT", {"context": ["targetingKey"]}),
    ("INVALID_CONTEXT", []),
    ("INVALID_CONTEXT", 5),
    ("INVALID_CONTEXT", {"context": {"targetingKey": True}}),
    ("INVALID_CONTEXT", {"context": {"targetingKey": ["v-1"]}}),
    ("INVALID_CONTEXT", {"context": {"targetingKey": 0}}),
    ("INVALID_CONTEXT", {"context": {"targetingKey": 10**200}}),
    ("INVALID_CONTEXT", {"context": {"targetingKey": "v" * 201}}),
    ("INVALID_CONTEXT", {"context": {"targetingKey": "v\0"}}),
    ("INVALID_CONTEXT", {"context": {"targetingKey": "v\n"}}),
    ("PARSE_ERROR", b""),
    ("PARSE_ERROR", b"{"),
    ("PARSE_ERROR", b'{"context": {"targetingKey": "\xff"}}'),
    ("PARSE_ERROR", b'{"context": ' + b"[" * 20_000),
]


@pytest.mark.parametrize(("code", "content"), UNUSABLE, ids=lambda value: repr(value)[:40])
def test_unusable_request_is_named_and_explained(browser, slot, code, content):
    one, every = browser.post(ONE, content), browser.post(PREFIX, content)
    assert (one.status, every.status) == (400, 400)
    assert one.json() == every.json() | {"key": "hero"}
    assert one.json()["errorCode"] == code
    assert one.json()["errorDetails"]


def test_body_past_64_kib_is_refused(browser, slot):
    answer = browser.post(ONE, {"context": {"targetingKey": "v", "pad": "x" * 65_536}})
    assert answer.status == 413
    assert answer.json()["key"] == "hero"
    assert "larger than 65536 bytes" in answer.json()["errorDetails"]


@pytest.mark.parametrize("key", ["nowhere", "", "a/b", "é", "hero ", "☃" * 500, "rival-slot"])
def test_unknown_slot_is_404_with_key_and_code(browser, slot, other_site, key):
    factories.make_slot(other_site, "rival-slot")
    answer = browser.post(f"{PREFIX}/{key}", VISITOR)
    body = answer.json()
    assert (answer.status, body["key"], body["errorCode"]) == (404, key, "FLAG_NOT_FOUND")
    assert body["errorDetails"] == f"unknown slot {key!r}"


def test_slot_without_any_wording_is_an_error_and_the_others_are_served(browser, slot):
    factories.make_slot(slot.site, "footer")
    CTAWording.objects.filter(cta=slot.default_cta).delete()
    answer = browser.post(ONE, VISITOR)
    assert (answer.status, answer.json()["errorCode"]) == (400, "GENERAL")
    assert "has no wording" in answer.json()["errorDetails"]
    footer, hero = browser.post(PREFIX, VISITOR).json()["flags"]
    assert (footer["variant"], hero["errorCode"]) == ("default", "GENERAL")


@pytest.mark.parametrize("path", [ONE, PREFIX])
@pytest.mark.parametrize("key", ["", "unknown", "rival-client-key-", "\xe9"])
def test_unknown_key_is_401_without_a_body(browser, slot, path, key):
    browser.key = key
    answer = browser.post(path, VISITOR)
    assert (answer.status, answer.body) == (401, b"")
    reason = ' error="invalid_token", error_description="unknown key"' if key else ""
    assert answer.headers["www-authenticate"] == f"Bearer{reason}"


@pytest.mark.parametrize("path", [ONE, PREFIX])
def test_key_in_the_address_opens_nothing_here(browser, slot, path):
    browser.key = ""
    assert browser.post(path, VISITOR, query="key=shop-client-key").status == 401


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
@pytest.mark.parametrize("secret", ["shop-client-key", "shop-server-key"])
def test_either_key_in_either_header_opens_the_site(browser, slot, server_key, header, secret):
    browser.key = ""
    value = f"Bearer {secret}" if header == "Authorization" else secret
    assert browser.post(ONE, VISITOR, headers={header: value}).status == 200


def test_other_sites_key_sees_its_own_slots_only(browser, slot, other_site):
    browser.key = other_site.client_key
    assert browser.post(ONE, VISITOR).status == 404
    assert browser.post(PREFIX, VISITOR).json()["flags"] == []


@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://shop.example", 200), ("https://evil.example", 403), ("null", 403), ("", 200)],
)
def test_origin_must_be_allowed_where_the_site_says_which(browser, slot, origin, status):
    slot.site.allowed_origins = ["https://shop.example"]
    slot.site.save()
    answer = browser.post(ONE, VISITOR, headers={"Origin": origin})
    assert answer.status == status
    assert (answer.body == b"") == (status == 403)


def test_same_answer_is_not_sent_twice(browser, running_experiment):
    first = browser.post(PREFIX, VISITOR)
    again = browser.post(PREFIX, VISITOR, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["access-control-expose-headers"] == "ETag, Retry-After"


def test_etag_is_weak_because_the_revision_beside_the_answer_may_move(browser, slot, other_site):
    first = browser.post(PREFIX, VISITOR)
    assert first.headers["etag"].startswith('W/"')
    bump_revision()
    second = browser.post(PREFIX, VISITOR)
    assert second.json()["metadata"] != first.json()["metadata"]
    assert second.headers["etag"] == first.headers["etag"]


def test_etag_covers_the_answer_not_the_configuration_alone(browser, slot):
    # The web client keeps its ETag when an attribute changes.
    CTAWording.objects.create(cta=slot.default_cta, locale="fr", text="Allons-y")
    english = browser.post(PREFIX, context(locale="en")).headers["etag"]
    french = browser.post(PREFIX, context(locale="fr"), headers={"If-None-Match": english})
    assert french.status == 200
    assert french.json()["flags"][0]["value"]["text"] == "Allons-y"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({}, None),
        ({"locale": "fr", "device": {"$in": ["mobile", "path"]}}, None),
        ({"path": {"$regex": "^/a"}}, True),
        ({"$or": [{"locale": "fr"}, {"$not": {"utm_source": "mail"}}]}, True),
        ({"referrer": {"$exists": True}}, True),
    ],
)
def test_bulk_says_when_another_page_may_have_another_answer(
    browser, site, slot, condition, expected
):
    audience = factories.make_audience(site, condition=condition)
    factories.make_running_experiment(slot, audience=audience)
    bump_revision()
    assert browser.post(PREFIX, VISITOR).json()["metadata"].get("byPage") is expected


def test_etag_stays_when_only_another_site_changed(browser, slot, other_site):
    before = browser.post(PREFIX, VISITOR).headers["etag"]
    factories.make_slot(other_site)
    bump_revision()
    assert browser.post(PREFIX, VISITOR, headers={"If-None-Match": before}).status == 304


def test_change_of_the_configuration_is_served_at_once(browser, slot):
    assert browser.post(ONE, VISITOR).json()["value"]["text"] == "Default hero"
    CTAWording.objects.filter(cta=slot.default_cta).update(text="New words")
    bump_revision()
    assert browser.post(ONE, VISITOR).json()["value"]["text"] == "New words"


@pytest.mark.parametrize("path", [ONE, PREFIX])
def test_fresh_snapshot_is_served_without_a_query(
    running_experiment, django_assert_num_queries, path
):
    app = Edge(django_app, SnapshotStore(max_age_s=3600.0))
    browser = WSGIClient(app, key="shop-client-key")
    browser.post(path, VISITOR)
    with django_assert_num_queries(0):
        assert browser.post(path, VISITOR).status == 200


@pytest.mark.parametrize("site_key", ["demo-client-key", "demo-server-key"])
@pytest.mark.parametrize(("is_demo", "status"), [(True, 200), (False, 401)])
def test_published_keys_open_nothing_outside_the_demo(
    browser, slot, settings, site_key, is_demo, status
):
    settings.CTAOPT_DEMO = is_demo
    slot.site.client_key = "demo-client-key"
    slot.site.save()
    factories.make_server_key(slot.site, "demo-server-key")
    browser.key = site_key
    assert browser.post(ONE, VISITOR).status == status


def test_published_server_key_is_refused_as_a_client_key_too(browser, slot, settings):
    settings.CTAOPT_DEMO = False
    slot.site.client_key = "demo-server-key"
    slot.site.save()
    browser.key = "demo-server-key"
    assert browser.post(ONE, VISITOR).status == 401


@pytest.mark.parametrize(
    ("status", "reason"),
    [("running", "SPLIT"), ("paused", "STATIC"), ("stopped", "STATIC"), ("draft", "STATIC")],
)
def test_only_a_running_experiment_draws(browser, running_experiment, status, reason):
    stopped = factories.NOW if status == "stopped" else None
    Experiment.objects.update(status=status, stopped_at=stopped)
    assert browser.post(ONE, VISITOR).json()["reason"] == reason


@pytest.mark.parametrize(
    ("visitor", "reason"),
    [
        ("{{ user.id }}", "is a placeholder"),
        ("undefined", "is a placeholder"),
        ("jean@example.fr", "an e-mail address"),
        ("192.0.2.7", "an IP address"),
    ],
)
def test_id_that_names_everybody_or_a_person_is_refused_by_name(browser, slot, visitor, reason):
    for path in (ONE, PREFIX):
        answer = browser.post(path, {"context": {"targetingKey": visitor}})
        assert (answer.status, answer.json()["errorCode"]) == (400, "INVALID_CONTEXT")
        assert reason in answer.json()["errorDetails"]
        assert visitor not in answer.json()["errorDetails"]
    nobody = {"context": {"targetingKey": visitor, "measured": False}}
    assert browser.post(ONE, nobody).status == 200


@pytest.mark.parametrize(("number", "text"), [(1234, "1234"), (12.0, "12")])
def test_number_is_a_visitor_by_its_text(browser, slot, number, text):
    factories.make_running_experiment(slot)
    by_number, by_text = (
        browser.post(ONE, {"context": {"targetingKey": one}}) for one in (number, text)
    )
    assert by_number.status == 200
    assert by_number.json() == by_text.json()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
contexts = st.fixed_dictionaries(
    {"targetingKey": st.text(min_size=1)},
    optional=dict.fromkeys(("locale", "device", "tags", "version", "path"), json_values),
)
CONDITION = {
    "$or": [
        {"device": "mobile"},
        {"device.kind": {"$gt": 5}},
        {"tags": {"$elemMatch": {"$eq": "a"}}},
        {"tags": {"$all": ["a", 1]}},
        {"version": {"$vgte": "1.2.3"}},
        {"path": {"$regex": "^/p"}},
        {"path": {"a": [1]}},
        {"locale": {"$ini": ["FR"]}},
    ]
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(body=json_values | st.fixed_dictionaries({"context": contexts}) | st.binary(max_size=200))
def test_no_body_breaks_an_evaluation(browser, site, body):
    if not site.slots.exists():
        audience = factories.make_audience(site, condition=CONDITION)
        factories.make_running_experiment(factories.make_slot(site), audience=audience)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    for path in (ONE, PREFIX):
        answer = browser.post(path, content)
        assert answer.status in {200, 400}
        assert answer.json().get("errorDetails") or answer.status == 200


def test_answer_names_the_stream_of_changes_where_there_is_one(browser, slot, settings):
    assert "eventStreams" not in browser.post(PREFIX, VISITOR).json()
    settings.CTAOPT_STREAM_URL = "https://cta.example/ofrep/v1/stream"
    first = browser.post(PREFIX, VISITOR)
    url = "https://cta.example/ofrep/v1/stream?key=shop-client-key"
    assert first.json()["eventStreams"] == [{"type": "sse", "url": url}]
    again = browser.post(PREFIX, VISITOR, headers={"If-None-Match": first.headers["etag"]})
    assert again.status == 304


def test_server_that_asks_is_shown_the_publishable_key_only(browser, slot, server_key, settings):
    settings.CTAOPT_STREAM_URL = "https://cta.example/ofrep/v1/stream"
    browser.key = server_key
    assert server_key not in browser.post(PREFIX, VISITOR).body.decode()


@pytest.mark.parametrize(("revision", "text"), [("1", "New words"), ("0", "Default hero")])
def test_client_that_was_told_of_a_revision_is_answered_from_it(slot, monkeypatch, revision, text):
    # The stream may look a moment before this process does.
    monkeypatch.setattr(snapshot_store, "SHORTEST_AGE_S", 0.0)
    browser = WSGIClient(
        Edge(django_app, SnapshotStore(max_age_s=3600.0)), key=slot.site.client_key
    )
    browser.post(PREFIX, VISITOR)
    CTAWording.objects.update(text="New words")
    bump_revision()
    answer = browser.post(PREFIX, VISITOR, query=f"flagConfigEtag={revision}")
    assert answer.json()["flags"][0]["value"]["text"] == text


@pytest.mark.parametrize(
    "query", ["flagConfigEtag=", "flagConfigEtag=x", "flagConfigEtag=-1", "a&b=%ff"]
)
def test_revision_that_is_no_number_changes_nothing(browser, slot, query):
    assert browser.post(PREFIX, VISITOR, query=query).status == 200


def test_stranger_cannot_have_the_database_asked_for_every_request(slot, django_assert_num_queries):
    browser = WSGIClient(
        Edge(django_app, SnapshotStore(max_age_s=3600.0)), key=slot.site.client_key
    )
    browser.post(PREFIX, VISITOR)
    with django_assert_num_queries(0):
        browser.post(PREFIX, VISITOR, query="flagConfigEtag=999")


def test_changed_shares_tell_the_phase(browser, running_experiment):
    factories.make_phases(running_experiment, ([0.5, 0.5], 1.0), ([0.9999, 0.0001], 1.0))
    metadata = browser.post(ONE, VISITOR).json()["metadata"]
    assert (metadata["arm"], metadata["propensity"], metadata["phase"]) == (0, 0.9999, 1)


def test_preview_link_in_the_address_shows_its_arm_without_an_experiment(browser, draft):
    token = preview_token(draft.variants.get(key="b"))
    context = {"targetingKey": "v-1", "url": f"https://shop.example/?ctaopt_preview={token}"}
    body = browser.post(ONE, {"context": context}).json()
    assert body["variant"] == "preview:b"
    assert body["value"]["text"] == "hero-test b"
    del body["metadata"]["revision"]
    assert body["metadata"] == {"preview": True}


def test_preview_link_that_does_not_hold_says_so(browser, running_experiment):
    context = {"targetingKey": "v-1", "preview": "forged"}
    metadata = browser.post(ONE, {"context": context}).json()["metadata"]
    assert metadata["previewError"] == "invalid"
    assert metadata["experiment"] == "hero-test"


@pytest.fixture
def seen_pages(monkeypatch):
    """Pages with the snippet that the test's requests came from, by site."""
    own = KeyUses(period_s=0.0)
    monkeypatch.setattr(ofrep, "key_uses", own)
    return lambda: {site: path for site, (_, path) in own._pages.items()}


PAGE = {"Origin": "https://shop.example"}


def test_page_with_the_snippet_is_noted(browser, slot, seen_pages):
    browser.post(PREFIX, context(url="https://shop.example/signup?code=1"), headers=PAGE)
    assert seen_pages() == {slot.site_id: "/signup"}


@pytest.mark.parametrize("path", [None, 7, ["/x"]], ids=["none", "number", "list"])
def test_page_without_a_path_is_noted_all_the_same(browser, slot, seen_pages, path):
    browser.post(PREFIX, context(path=path) if path else VISITOR, headers=PAGE)
    assert seen_pages() == {slot.site_id: ""}


def test_server_is_no_page(browser, slot, server_key, seen_pages):
    assert browser.post(PREFIX, VISITOR).status == 200
    secret = WSGIClient(browser.app, key=server_key)
    assert secret.post(PREFIX, VISITOR, headers=PAGE).status == 200
    assert seen_pages() == {}
