import pytest
from django.test import Client

from experiments.models import CTA, Audience, Namespace, Site, Slot, Tag
from experiments.selectors.serving import config_revision
from tests import factories

JSON = "application/json"
CTA_BODY = {
    "name": "Buy now",
    "destination": "/buy",
    "principles": ["urgency"],
    "tags": ["spring"],
    "wordings": [{"locale": "en", "text": "Buy now"}, {"locale": "fr_fr", "text": "Acheter"}],
}
BODIES = {
    "ctas": CTA_BODY,
    "audiences": {"key": "phones", "name": "Phones", "condition": {"device": "mobile"}},
    "namespaces": {"key": "space", "seed": "space"},
}
MODELS = {"ctas": CTA, "audiences": Audience, "namespaces": Namespace, "slots": Slot}


def post(client, path, body):
    return client.post(f"/api/v1/{path}/", body, content_type=JSON)


def patch(client, path, body, **headers):
    return client.patch(f"/api/v1/{path}/", body, content_type=JSON, headers=headers)


def body_of(kind, site):
    if kind == "slots":
        return {"key": "hero", "name": "Hero", "default_cta": factories.make_cta(site, "Own").pk}
    return BODIES[kind]


KINDS = ["ctas", "audiences", "namespaces", "slots"]


@pytest.mark.parametrize("kind", KINDS)
def test_row_is_created_shown_and_served(server, site, kind):
    before = config_revision()
    body = body_of(kind, site)
    made = post(server, kind, body)
    assert made.status_code == 201, made.json()
    row = MODELS[kind].objects.get(pk=made.json()["id"])
    assert row.site == site
    assert config_revision() > before
    assert made.headers["Location"].endswith(f"/api/v1/{kind}/{row.pk}/")
    read = server.get(made.headers["Location"])
    assert read.json() == made.json()
    assert read.headers["ETag"] == made.headers["ETag"]


def test_cta_comes_with_wordings_and_tags(server, site):
    shown = post(server, "ctas", CTA_BODY).json()
    assert shown["wordings"] == [
        {"locale": "en", "text": "Buy now"},
        {"locale": "fr-FR", "text": "Acheter"},
    ]
    assert (shown["tags"], shown["principles"]) == (["spring"], ["urgency"])
    changed = patch(server, f"ctas/{shown['id']}", {"wordings": [{"locale": "en", "text": "Go"}]})
    assert changed.json()["wordings"] == [{"locale": "en", "text": "Go"}]
    assert changed.json()["tags"] == ["spring"]
    assert Tag.objects.get().site == site


@pytest.mark.parametrize("kind", KINDS)
def test_taken_key_is_answered_with_what_exists(server, site, kind):
    body = body_of(kind, site)
    made = post(server, kind, body)
    again = post(server, kind, body)
    assert again.status_code == 409
    assert again.json()["existing"] == made.json()
    assert MODELS[kind].objects.filter(site=site).count() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_change_of_another_state_is_refused(server, site, kind):
    made = post(server, kind, body_of(kind, site))
    path, tag = f"{kind}/{made.json()['id']}", made.headers["ETag"]
    name = "seed" if kind == "namespaces" else "name"
    first = patch(server, path, {name: "Two"}, **{"If-Match": tag})
    assert (first.status_code, first.json()[name]) == (200, "Two")
    late = patch(server, path, {name: "Three"}, **{"If-Match": tag})
    assert late.status_code == 412
    assert first.headers["ETag"] in late.json()["detail"]
    assert server.get(f"/api/v1/{path}/").json()[name] == "Two"
    # Without the header, and for any state, it is changed.
    assert patch(server, path, {name: "Three"}).status_code == 200
    assert patch(server, path, {name: "Four"}, **{"If-Match": "*"}).status_code == 200
    gone = server.delete(f"/api/v1/{path}/", headers={"If-Match": tag})
    assert gone.status_code == 412
    assert server.delete(f"/api/v1/{path}/").status_code == 204
    assert server.get(f"/api/v1/{path}/").status_code == 404


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("ctas", {"destination": "javascript:alert(1)"}, "destination"),
        ("ctas", {"text_color": "#1d4ed9"}, "text_color"),
        ("ctas", {"principles": ["magic"]}, "principles.0"),
        ("ctas", {"wordings": []}, "wordings"),
        ("ctas", {"wordings": [{"locale": "French", "text": "x"}]}, "wordings.0.locale"),
        (
            "ctas",
            {"wordings": [{"locale": "fr", "text": "x"}, {"locale": "FR", "text": "y"}]},
            "wordings.1.locale",
        ),
        ("ctas", {"unknown": 1}, "unknown"),
        ("ctas", {"id": 7}, "id"),
        ("audiences", {"condition": {"device": {"$is": "x"}}}, "condition"),
        ("audiences", {"key": "a b"}, "key"),
        ("audiences", {"site": "rival"}, "site"),
        ("namespaces", {"seed": ""}, "seed"),
        ("slots", {"position": "moon"}, "position"),
        ("slots", {"default_cta": 10**6}, "default_cta"),
    ],
)
def test_fault_is_named_by_its_field(server, site, other_site, kind, change, field):
    body = {**body_of(kind, site), **change}
    count = MODELS[kind].objects.count()
    answer = post(server, kind, body)
    assert answer.status_code == 400, answer.json()
    assert answer.json()["field"] == field
    assert field in answer.json()["errors"]
    assert MODELS[kind].objects.count() == count


def test_cta_of_another_site_is_not_there(server, site, other_site):
    foreign = factories.make_cta(other_site)
    body = {"key": "hero", "name": "Hero", "default_cta": foreign.pk}
    assert post(server, "slots", body).json()["field"] == "default_cta"


@pytest.mark.parametrize("kind", KINDS)
def test_foreign_row_is_not_found(server, other_server, site, kind):
    made = post(server, kind, body_of(kind, site)).json()
    path = f"{kind}/{made['id']}"
    assert patch(other_server, path, {"name": "x"}).status_code == 404
    assert other_server.delete(f"/api/v1/{path}/").status_code == 404


@pytest.mark.parametrize("kind", ["ctas", "audiences", "namespaces"])
def test_what_a_live_experiment_uses_stays(server, slot, kind):
    space = slot.site.namespaces.create(key="space", seed="space")
    who = factories.make_audience(slot.site)
    ends = {"namespace_start": "0", "namespace_end": "0.5"}
    live = factories.make_running_experiment(slot, audience=who, namespace=space, **ends)
    row = {"ctas": live.variants.get(key="b").cta, "audiences": who, "namespaces": space}[kind]
    name = "seed" if kind == "namespaces" else "name"
    answer = patch(server, f"{kind}/{row.pk}", {name: "Other"})
    assert answer.status_code == 409
    assert "hero-test" in answer.json()["detail"]
    assert server.delete(f"/api/v1/{kind}/{row.pk}/").status_code == 409


def test_row_in_use_is_not_removed(server, slot):
    answer = server.delete(f"/api/v1/ctas/{slot.default_cta_id}/")
    assert (answer.status_code, "Hero" in answer.json()["detail"]) == (409, True)


def test_key_of_a_slot_stays_once_it_has_experiments(server, slot):
    path = f"slots/{slot.pk}"
    assert patch(server, path, {"key": "top"}).status_code == 200
    factories.make_experiment(slot)
    assert patch(server, path, {"key": "hero"}).status_code == 409
    assert patch(server, path, {"name": "Top", "key": "top"}).status_code == 200


def test_site_of_a_row_stays(admin_client, site, other_site):
    audience = factories.make_audience(site)
    answer = patch(admin_client, f"audiences/{audience.pk}", {"site": "rival"})
    assert (answer.status_code, answer.json()["field"]) == (400, "site")


def test_superuser_creates_a_site_and_others_do_not(admin_client, server, site):
    body = {"key": "new", "name": "New", "time_zone": "Europe/Paris", "holdout": "0.05"}
    made = post(admin_client, "sites", body)
    assert made.status_code == 201, made.json()
    assert made.json()["client_key"].startswith("ctaopt_client_")
    assert made.headers["Location"].endswith("/api/v1/sites/new/")
    assert post(admin_client, "sites", body).json()["existing"]["key"] == "new"
    manager = Client(headers={"X-API-Key": factories.make_server_key(site, "m", scopes=["manage"])})
    assert post(manager, "sites", body | {"key": "third"}).status_code == 403
    owner = Client()
    owner.force_login(factories.make_member(site, "owner", "the owner"))
    assert post(owner, "sites", body | {"key": "third"}).status_code == 403
    assert not Site.objects.filter(key="third").exists()


def test_settings_of_a_site_need_their_own_scope(server, site):
    """A key that runs experiments may not open the site to other origins."""
    opened = {"allowed_origins": ["https://shop.example"]}
    writer = Client(headers={"X-API-Key": factories.make_server_key(site, "w", scopes=["write"])})
    manager = Client(headers={"X-API-Key": factories.make_server_key(site, "m", scopes=["manage"])})
    assert patch(writer, "sites/shop", opened).status_code == 403
    assert patch(manager, "sites/shop", opened).json()["allowed_origins"] == [
        "https://shop.example"
    ]
    assert patch(manager, "sites/shop", {"allowed_origins": ["shop"]}).status_code == 400
    assert patch(manager, "sites/shop", {"key": "x"}).json()["field"] == "key"
    assert patch(manager, "sites/shop", {"client_key": "x"}).json()["field"] == "client_key"
    assert server.get("/api/v1/sites/").json()["count"] == 1
    assert server.delete("/api/v1/sites/shop/").status_code == 405


def test_person_names_the_site(site, other_site):
    person = Client()
    person.force_login(factories.make_member(site, "marketer"))
    body = BODIES["audiences"]
    assert post(person, "audiences", body).json()["field"] == "site"
    assert post(person, "audiences", {**body, "site": "rival"}).json()["field"] == "site"
    assert post(person, "audiences", {**body, "site": "shop"}).status_code == 201
    viewer = Client()
    viewer.force_login(factories.make_member(site, "viewer"))
    assert post(viewer, "audiences", {**body, "site": "shop", "key": "x"}).status_code == 403


def test_new_cta_has_the_brand_colours_of_its_site(server, site):
    Site.objects.update(brand_background_color="#7c2d12", brand_text_color="#fff7ed")
    shown = post(server, "ctas", CTA_BODY).json()
    assert (shown["background_color"], shown["text_color"]) == ("#7c2d12", "#fff7ed")
    own = post(server, "ctas", CTA_BODY | {"name": "Own", "background_color": "#000000"}).json()
    assert (own["background_color"], own["text_color"]) == ("#000000", "#fff7ed")


def test_copy_of_a_cta_is_a_new_one_with_an_address(server, site):
    shown = post(server, "ctas", CTA_BODY).json()
    answer = post(server, f"ctas/{shown['id']}/copy", {})
    assert answer.status_code == 201
    copy = answer.json()
    assert copy["name"] == "Buy now (copy)"
    assert {**copy, "id": 0, "name": ""} == {**shown, "id": 0, "name": ""}
    assert server.get(answer.headers["Location"]).json() == copy
    assert post(server, f"ctas/{shown['id']}/copy", {"name": "x"}).status_code == 400


def test_checks_of_a_cta_are_given_by_language(server, site):
    shown = post(server, "ctas", CTA_BODY | {"background_color": "#000000"}).json()
    rows = {row["locale"]: row for row in server.get(f"/api/v1/ctas/{shown['id']}/checks/").json()}
    assert set(rows) == {"en", "fr-FR"}
    contrast = next(one for one in rows["en"]["findings"] if one["check"] == "contrast")
    assert (contrast["level"], contrast["params"]["ratio"]) == ("good", 21.0)
    assert rows["en"]["principles"] == ["urgency"]


def test_use_of_a_cta_names_slots_and_arms(server, slot, running_experiment):
    default = server.get(f"/api/v1/ctas/{slot.default_cta_id}/use/").json()
    assert default == {"slots": [slot.key], "arms": []}
    arm = running_experiment.variants.get(key="b")
    draft = factories.make_experiment(slot, "a-draft")
    draft.variants.filter(key="control").update(cta=arm.cta)
    used = server.get(f"/api/v1/ctas/{arm.cta_id}/use/").json()
    assert used["arms"] == [
        {"experiment": "hero-test", "status": "running", "slot": slot.key, "arm": "b"},
        {"experiment": "a-draft", "status": "draft", "slot": slot.key, "arm": "control"},
    ]
