import json

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from experiments.api.public.http import encode_json
from experiments.models import Audience, VisitorOutcome
from experiments.services.serving.growthbook_payload import payload_of
from experiments.services.serving.snapshot import build_snapshot
from tests import factories

ADD = "admin:experiments_audience_add"
CHECK = "admin:experiments_audience_check"


def rows_form(*rows, match="all"):
    """What the browser sends of rows (attribute, custom, operator, value)."""
    columns = zip(*rows, strict=True) if rows else ((), (), (), ())
    names = ("attribute", "custom", "operator", "value")
    parts = {f"condition_{name}": list(column) for name, column in zip(names, columns, strict=True)}
    return {"condition_mode": "rows", "condition_match": match, "condition_json": "", **parts}


def json_form(text):
    return rows_form() | {"condition_mode": "json", "condition_json": text}


def add(client, site, form):
    values = {"site": site.pk, "name": "Test", "key": "test", **form}
    return client.post(reverse(ADD), values)


def change(client, audience, form=None):
    url = reverse("admin:experiments_audience_change", args=[audience.pk])
    if form is None:
        return client.get(url).content.decode()
    values = {"site": audience.site_id, "name": audience.name, "key": audience.key}
    return client.post(url, values | form)


@pytest.mark.parametrize(
    ("form", "condition"),
    [
        (rows_form(("locale", "", "begins", "fr")), {"locale": {"$regex": "^fr"}}),
        (
            rows_form(
                ("device", "", "one_of", "mobile, tablet"), ("new_visitor", "", "is", "true")
            ),
            {"device": {"$in": ["mobile", "tablet"]}, "new_visitor": True},
        ),
        (
            rows_form(
                ("utm_campaign", "", "is", "spring"), ("*", "plan", "is_not", "pro"), match="any"
            ),
            {"$or": [{"utm_campaign": "spring"}, {"plan": {"$ne": "pro"}}]},
        ),
        (rows_form(("country", "", "known", "left over")), {"country": {"$exists": True}}),
        (rows_form(("locale", "", "is", "")), {}),
        (json_form('{"$not": {"path": "/"}}'), {"$not": {"path": "/"}}),
        (json_form(" "), {}),
    ],
    ids=["language", "all", "any", "known", "blank", "json", "empty json"],
)
def test_form_stores_the_condition(admin_client, site, form, condition):
    assert add(admin_client, site, form).status_code == 302
    assert Audience.objects.get().condition == condition


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (rows_form(("*", "age", "above", "old")), "age: &#x27;old&#x27; is not a number"),
        (rows_form(("*", "", "is", "x")), "attribute: must not be empty"),
        (json_form("{"), "This is not valid JSON"),
        (json_form('{"a": {"$inn": [1]}}'), "unknown operator"),
        (json_form("[]"), "must be an object"),
    ],
)
def test_fault_is_named_and_what_was_typed_is_kept(admin_client, site, form, text):
    body = add(admin_client, site, form).content.decode()
    assert text in body
    assert not Audience.objects.exists()
    for word in (*form.get("condition_value", []), form["condition_json"]):
        assert word in body.replace("&quot;", '"')


def test_stored_condition_comes_back_in_rows(admin_client, site):
    audience = factories.make_audience(site, condition={"utm_source": {"$in": ["mail", "ads"]}})
    body = change(admin_client, audience)
    assert 'value="mail, ads"' in body
    assert '<option value="one_of" selected>' in body
    assert '<input type="radio" name="condition_mode" value="rows" checked>' in body


def test_condition_without_rows_is_edited_as_json_and_never_lost(admin_client, site):
    condition = {"$nor": [{"tags": {"$elemMatch": {"$eq": "vip"}}}, {"a": {"$gt": 1, "$lt": 9}}]}
    audience = factories.make_audience(site, condition=condition)
    body = change(admin_client, audience)
    assert '<input type="radio" name="condition_mode" value="json" checked>' in body
    text = json.dumps(condition, indent=2)
    change(admin_client, audience, json_form(text) | {"name": "Renamed"})
    assert Audience.objects.get().name == "Renamed"
    assert Audience.objects.get().condition == condition


def test_live_check_says_who_would_be_in(admin_client):
    form = rows_form(("locale", "", "begins", "fr"))
    for locale, is_in in (("fr-CA", True), ("en", False), ("", False)):
        tried = {"condition_try_locale": locale, "example": "age=3"}
        answer = admin_client.post(reverse(CHECK), form | tried).json()
        assert answer["is_in"] is is_in
        assert answer["summary"] == "Language begins with “fr”"


@pytest.mark.parametrize(
    ("tried", "is_in"),
    [
        ({"device": "mobile", "new_visitor": "true"}, True),
        ({"device": "mobile", "new_visitor": "false"}, False),
        ({"device": "mobile"}, False),
        ({"device": "tablet", "new_visitor": "true"}, False),
    ],
)
def test_visitor_is_chosen_from_lists(admin_client, tried, is_in):
    form = rows_form(("device", "", "is", "mobile"), ("new_visitor", "", "is", "true"))
    sent = form | {f"condition_try_{name}": value for name, value in tried.items()}
    assert admin_client.post(reverse(CHECK), sent).json()["is_in"] is is_in


def test_attribute_without_a_list_is_tried_by_its_line(admin_client):
    form = rows_form(("*", "plan", "is", "pro"))
    for example, is_in in (("plan = pro\nage=3", True), ("plan=free", False), ("", False)):
        answer = admin_client.post(reverse(CHECK), form | {"example": example}).json()
        assert answer["is_in"] is is_in


def test_lists_offer_names_in_the_language_of_the_page(admin_client):
    page = admin_client.get(reverse(ADD), headers={"Accept-Language": "fr"}).content.decode()
    assert '<option value="DE">Allemagne</option>' in page
    assert '<option value="mobile">Téléphone</option>' in page
    assert '<option value="pt">Portugais</option>' in page


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (("device", "", "is", "phone"), "device: “phone” never occurs. Write mobile."),
        (("country", "", "one_of", "FR, Belgium"), "country: “Belgium” never occurs. Write BE."),
        (("device", "", "is", "watch"), "Its values are: mobile, tablet, desktop."),
        (("new_visitor", "", "is", "oui"), "new_visitor: “oui” never occurs. Write true."),
    ],
)
def test_value_that_no_visitor_has_is_refused_by_page_and_api(
    admin_client, server_key, site, row, text
):
    page = add(admin_client, site, rows_form(row)).content.decode()
    assert text in page
    name, _, operator, value = row
    typed = [one.strip() for one in value.split(",")]
    condition = {name: {"$in": typed} if operator == "one_of" else value}
    body = {"key": "x", "name": "X", "condition": condition}
    server = Client(headers={"X-API-Key": server_key})
    answer = server.post("/api/v1/audiences/", body, content_type="application/json")
    assert answer.status_code == 400
    assert text in answer.json()["errors"]["condition"][0]
    assert not Audience.objects.exists()


def test_size_of_the_audience_is_told_for_the_site(admin_client, slot, other_site):
    cache.clear()
    live = factories.make_running_experiment(slot)
    for number, segments in enumerate(("device=mobile", "device=mobile", "device=tablet")):
        VisitorOutcome.objects.create(
            experiment=live,
            variant=live.variants.first(),
            visitor=f"v-{number}",
            day=timezone.now().date(),
            has_clicked=False,
            has_converted=False,
            value=0,
            segments=segments,
        )
    form = rows_form(("device", "", "is", "mobile"))
    asked = admin_client.post(reverse(CHECK), form | {"site": slot.site_id}).json()["reach"]
    assert asked == "2 of the 3 visitors who saw a test in the last 30 days are in it."
    other = admin_client.post(reverse(CHECK), form | {"site": other_site.pk}).json()["reach"]
    assert other.startswith("Nobody has seen a test")
    for number in ("", "x", "9" * 30, "0"):
        assert admin_client.post(reverse(CHECK), form | {"site": number}).json()["reach"] == ""
    audience = factories.make_audience(slot.site, "phones", {"device": "mobile"})
    counted = admin_client.get(f"/api/v1/audiences/{audience.pk}/reach/").json()
    assert counted == {"visitors": 2, "of": 3, "days": 30, "uncounted": []}


def test_live_check_names_the_fault(admin_client):
    answer = admin_client.post(reverse(CHECK), json_form("{") | {"example": ""}).json()
    assert answer["is_in"] is None
    assert "not valid JSON" in answer["text"]


def test_live_check_is_for_people_of_the_admin(client, stranger, admin_client):
    assert admin_client.get(reverse(CHECK)).status_code == 405
    stranger.is_staff = True
    stranger.save()
    client.force_login(stranger)
    assert client.post(reverse(CHECK), rows_form()).status_code == 403


BROKEN = {"deep": "[" * 5_000, "surrogate": r'{"city": "\ud800"}', "NUL": r'{"a": "\u0000"}'}


@pytest.mark.parametrize("name", BROKEN)
def test_condition_that_no_database_stores_is_refused(admin_client, site, name):
    form = json_form(BROKEN[name])
    assert admin_client.post(reverse(CHECK), form | {"example": ""}).json()["is_in"] is None
    url = reverse("admin:experiments_audience_add")
    sent = form | {"site": site.pk, "name": "X", "key": "x"}
    assert admin_client.post(url, sent).status_code == 200
    assert not Audience.objects.exists()


@pytest.mark.skipif(
    connection.vendor == "postgresql", reason="PostgreSQL has never stored such a text"
)
def test_stored_surrogate_breaks_no_page_and_no_payload(admin_client, server_key, slot, settings):
    audience = factories.make_audience(slot.site, condition={"city": "a\ud800"})
    factories.make_running_experiment(slot, audience=audience)
    for page in ("changelist", "change"):
        args = [audience.pk] if page == "change" else []
        url = reverse(f"admin:experiments_audience_{page}", args=args)
        assert admin_client.get(url).status_code == 200
    listed = Client(headers={"X-API-Key": server_key}).get("/api/v1/audiences/")
    assert listed.json()["results"][0]["condition"] == {"city": "a\ufffd"}
    served = build_snapshot(revision=1, now=factories.NOW).client_keys["shop-client-key"]
    assert b"a\xef\xbf\xbd" in encode_json(payload_of(served))
