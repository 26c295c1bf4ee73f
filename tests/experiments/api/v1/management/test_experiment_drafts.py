from datetime import timedelta

import pytest

from experiments.models import Experiment, Site
from tests import factories
from tests.factories import NOW

JSON = "application/json"


@pytest.fixture
def body(slot):
    phones = factories.make_audience(slot.site, "phones", {"device": "mobile"})
    slot.site.namespaces.create(key="space", seed="space")
    ctas = [factories.make_cta(slot.site, text).pk for text in ("Buy", "Buy now")]
    return {
        "slot": "hero",
        "audience": phones.key,
        "key": "buy",
        "name": "Buy",
        "hypothesis": "Shorter is better.",
        "primary_metric": "conversion_rate",
        "goal": "order",
        "coverage": "0.5",
        "namespace": "space",
        "namespace_start": "0",
        "namespace_end": "0.25",
        "planned_visitors": 4_000,
        "variants": [
            {"key": "control", "cta": ctas[0], "share": "0.5"},
            {"key": "b", "cta": ctas[1], "share": "0.5"},
        ],
        "guardrails": [{"metric": "click_rate", "margin": 0.1}],
        "secondary_metrics": [{"metric": "conversion_rate", "goal": "signup"}],
    }


def post(client, body, path=""):
    return client.post(f"/api/v1/experiments/{path}", body, content_type=JSON)


def patch(client, body, key="buy", **headers):
    path = f"/api/v1/experiments/{key}/"
    return client.patch(path, body, content_type=JSON, headers=headers)


def test_draft_is_created_with_all_that_belongs_to_it(server, body):
    made = post(server, body)
    assert made.status_code == 201, made.json()
    assert made.headers["Location"].endswith("/api/v1/experiments/buy/")
    shown = server.get("/api/v1/experiments/buy/")
    assert shown.json() == made.json()
    assert shown.headers["ETag"] == made.headers["ETag"]
    assert made.json()["status"] == "draft"
    kept = {name: made.json()[name] for name in ("slot", "audience", "namespace", "goal")}
    assert kept == {name: body[name] for name in kept}
    arms = [(one["arm"], one["key"], one["cta"]) for one in made.json()["variants"]]
    assert arms == [(n, one["key"], one["cta"]) for n, one in enumerate(body["variants"])]
    (rail,) = made.json()["guardrails"]
    assert rail == {"metric": "click_rate", "goal": "", "margin": 0.1, "higher_is_better": True}
    assert made.json()["secondary_metrics"] == body["secondary_metrics"]


def test_draft_that_was_created_starts_and_then_stays(server, body):
    made = post(server, body)
    started = server.post(
        "/api/v1/experiments/buy/start/",
        {},
        content_type=JSON,
        headers={"If-Match": made.headers["ETag"]},
    )
    assert (started.status_code, started.json()["status"]) == (200, "running")
    assert patch(server, {"name": "Other"}).status_code == 409
    assert server.delete("/api/v1/experiments/buy/").status_code == 409
    assert Experiment.objects.get().name == "Buy"


@pytest.mark.parametrize("step", ["start", "schedule", "traffic", "ramp", "roll-back"])
def test_step_of_another_state_is_refused(server, body, step):
    """What was changed since it was reviewed does not go live unseen."""
    tag = post(server, body).headers["ETag"]
    assert patch(server, {"name": "Other"}).status_code == 200
    sent = {
        "schedule": {"ends_at": "2099-01-01T00:00:00Z"},
        "traffic": {"coverage": "1"},
        "ramp": {"steps": []},
        "roll-back": {"reason": "x"},
    }
    answer = server.post(
        f"/api/v1/experiments/buy/{step}/",
        sent.get(step, {}),
        content_type=JSON,
        headers={"If-Match": tag},
    )
    assert answer.status_code == 412
    assert Experiment.objects.get().status == "draft"


def test_what_a_change_leaves_out_stays(server, body):
    post(server, body)
    changed = patch(server, {"variants": body["variants"][:1], "audience": None}).json()
    assert [one["key"] for one in changed["variants"]] == ["control"]
    assert (changed["audience"], changed["namespace"]) == (None, "space")
    assert len(changed["guardrails"]) == len(changed["secondary_metrics"]) == 1
    emptied = patch(server, {"guardrails": [], "secondary_metrics": []}).json()
    assert emptied["guardrails"] == emptied["secondary_metrics"] == []
    assert server.delete("/api/v1/experiments/buy/").status_code == 204
    assert not Experiment.objects.exists()


def test_taken_key_is_answered_with_what_exists_on_the_own_site_only(server, other_server, body):
    made = post(server, body).json()
    again = post(server, body)
    assert (again.status_code, again.json()["existing"]) == (409, made)
    site = Site.objects.get(key="rival")
    factories.make_slot(site)
    foreign = post(other_server, {"slot": "hero", "key": "buy", "name": "Buy"})
    assert foreign.status_code == 409
    assert "existing" not in foreign.json()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slot": "nowhere"}, "slot"),
        ({"audience": "nobody"}, "audience"),
        ({"namespace": "nowhere"}, "namespace"),
        ({"namespace_end": None}, "errors"),
        ({"goal": ""}, "errors"),
        ({"alpha": 0.9}, "alpha"),
        ({"coverage": 0}, "errors"),
        ({"plan": "fixed", "planned_visitors": None}, "errors"),
        ({"status": "running"}, "status"),
        ({"variants": [{"key": "x", "cta": 10**6, "share": "1"}]}, "variants.0.cta"),
        ({"guardrails": [{"metric": "conversion_rate", "goal": "order"}]}, "guardrails.0.metric"),
        ({"guardrails": [{"metric": "click_rate", "goal": "x"}]}, "guardrails.0"),
        ({"guardrails": [{"metric": "click_rate"}, {"metric": "click_rate"}]}, "guardrails.1"),
        ({"secondary_metrics": [{"metric": "magic"}]}, "secondary_metrics.0.metric"),
        ({"starts_at": "2020-01-02T00:00Z"}, "starts_at"),
        ({"ends_at": "2020-01-02T00:00Z"}, "ends_at"),
        ({"starts_at": "2030-01-02T00:00Z", "ends_at": "2030-01-01T00:00Z"}, "errors"),
    ],
)
def test_fault_is_named_by_its_field(server, body, change, field):
    answer = post(server, body | change)
    assert answer.status_code == 400, answer.json()
    if field != "errors":
        assert answer.json()["field"] == field
    assert answer.json()["detail"]
    assert not Experiment.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"variants": [{"key": "b", "share": "1"}]}, "variants.0.cta"),
        ({"guardrails": [{"goal": "x"}]}, "guardrails.0.metric"),
        ({"secondary_metrics": [{}]}, "secondary_metrics.0.metric"),
    ],
)
def test_row_of_a_change_is_whole(server, body, change, field):
    post(server, body)
    answer = patch(server, change)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_arm_is_named_by_its_place(server, body):
    body["variants"][1]["key"] = "control"
    assert post(server, body).json()["field"] == "variants.1"
    body["variants"][1]["key"] = "default"
    assert post(server, body).json()["field"] == "variants.1"


def test_margin_left_open_is_the_one_that_the_plan_can_exclude(server, body, slot):
    past = factories.make_running_experiment(slot, "past", started_at=NOW - timedelta(days=20))
    for variant in past.variants.all():
        factories.make_rollup(variant, visitors=900, clicks=90)
    body |= {"guardrails": [{"metric": "click_rate"}]}
    made = post(server, body)
    assert made.status_code == 201
    assert made.json()["guardrails"][0]["margin"] >= 0.02


def test_copy_of_an_experiment_is_a_draft_with_an_address(server, running_experiment):
    answer = server.post(
        f"/api/v1/experiments/{running_experiment.key}/copy/", {}, content_type="application/json"
    )
    assert answer.status_code == 201
    copy = answer.json()
    assert (copy["name"], copy["status"]) == ("hero-test (copy)", "draft")
    shown = server.get(answer.headers["Location"]).json()
    assert shown == copy
    original = server.get(f"/api/v1/experiments/{running_experiment.key}/").json()
    arms = [
        [(arm["key"], arm["cta"], arm["share"]) for arm in one["variants"]]
        for one in (copy, original)
    ]
    assert arms[0] == arms[1]
