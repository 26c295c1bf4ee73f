from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from experiments.models import Experiment, Variant
from tests import factories
from tests.factories import NOW, STARTED

API = "/api/v1"
EXPERIMENT = f"{API}/experiments/hero-test/"
LISTS = ["ctas", "audiences", "slots", "experiments"]


@pytest.fixture
def shop(running_experiment):
    """The shop with a row in every list."""
    factories.make_audience(running_experiment.slot.site)
    return running_experiment.slot.site


@pytest.mark.parametrize("name", LISTS)
def test_list_shows_the_own_site_only(server, other_server, shop, name):
    mine, theirs = (one.get(f"{API}/{name}/").json() for one in (server, other_server))
    assert mine["count"] == len(mine["results"]) > 0
    assert {row["site"] for row in mine["results"]} == {"shop"}
    assert (theirs["count"], theirs["results"]) == (0, [])


@pytest.mark.parametrize("name", LISTS)
def test_every_row_of_a_list_can_be_asked_for_by_itself(server, other_server, shop, name):
    for row in server.get(f"{API}/{name}/").json()["results"]:
        url = f"{API}/{name}/{row['key'] if name == 'experiments' else row['id']}/"
        assert server.get(url).json() == row
        assert other_server.get(url).status_code == 404


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("identity", ["0", "999999", "no-such", "9" * 30, "%00", "é"])
def test_unknown_row_is_not_found(server, shop, name, identity):
    assert server.get(f"{API}/{name}/{identity}/").status_code == 404


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_list_as_a_whole_cannot_be_written(server, shop, name, method):
    assert getattr(server, method)(f"{API}/{name}/").status_code == 405


@pytest.mark.parametrize("name", LISTS)
def test_queries_of_a_list_do_not_grow_with_its_rows(server, shop, name):
    counts = []
    for number in range(2):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert server.get(f"{API}/{name}/").status_code == 200
        counts.append(len(queries))
        for n in range(3):
            audience = factories.make_audience(shop, f"a-{number}-{n}")
            slot = factories.make_slot(shop, f"s-{number}-{n}")
            factories.make_running_experiment(slot, f"e-{number}-{n}", audience=audience)
    assert counts[0] == counts[1] <= 9


def test_long_list_comes_in_pages(server, site):
    for number in range(3):
        factories.make_cta(site, f"CTA {number}")
    page = server.get(f"{API}/ctas/?limit=2").json()
    assert (page["count"], len(page["results"])) == (3, 2)
    assert len(server.get(page["next"]).json()["results"]) == 1


def test_experiment_is_shown_with_plan_and_arms(server, running_experiment):
    body = server.get(EXPERIMENT).json()
    assert (body["site"], body["slot"], body["audience"]) == ("shop", "hero", None)
    assert (body["status"], body["plan"]) == ("running", "sequential")
    assert (body["coverage"], body["alpha"]) == (1.0, 0.05)
    control, b = body["variants"]
    assert (control["arm"], control["key"], control["share"]) == (0, "control", 0.5)
    assert b["cta"] == running_experiment.variants.get(arm=1).cta_id


def test_cta_is_shown_with_its_wordings(server, site):
    cta = factories.make_cta(site, wordings={"en": "Go", "fr": "Allez"}, principles=["urgency"])
    cta.tags.create(site=site, name="blue")
    body = server.get(f"{API}/ctas/{cta.pk}/").json()
    assert body["wordings"] == [{"locale": "en", "text": "Go"}, {"locale": "fr", "text": "Allez"}]
    assert (body["tags"], body["principles"], body["form"]) == (["blue"], ["urgency"], "button")


# Clients send no body, and no type of one.
EMPTY = {"content_type": "application/json"}
STEPS = [
    ("start", "draft", "running"),
    ("pause", "running", "paused"),
    ("resume", "paused", "running"),
    ("stop", "running", "stopped"),
    ("archive", "stopped", "archived"),
]


@pytest.mark.parametrize(("step", "old", "new"), STEPS, ids=[step for step, *_ in STEPS])
def test_step_moves_an_experiment_once(server, slot, step, old, new):
    stamps = {} if old == "draft" else {"started_at": STARTED}
    stamps |= {"stopped_at": NOW} if old == "stopped" else {}
    factories.make_experiment(slot, status=old, **stamps)
    first, again = (server.post(f"{EXPERIMENT}{step}/", **EMPTY) for _ in range(2))
    assert (first.status_code, first.json()["status"]) == (200, new)
    assert (again.status_code, again.json()["detail"]) == (
        409,
        f"Not possible while the experiment is {new}.",
    )
    assert Experiment.objects.get().status == new


@pytest.mark.parametrize("step", [step for step, *_ in STEPS])
def test_step_is_closed_to_others(other_server, visitor, running_experiment, step):
    assert other_server.post(f"{EXPERIMENT}{step}/", **EMPTY).status_code == 404
    assert visitor.post(f"{EXPERIMENT}{step}/", **EMPTY).status_code == 401
    assert Experiment.objects.get().status == "running"


@pytest.mark.parametrize("step", [step for step, *_ in STEPS])
def test_step_is_a_post(server, running_experiment, step):
    assert server.get(f"{EXPERIMENT}{step}/").status_code == 405


def test_start_that_is_not_possible_gives_its_reasons(server, draft):
    Variant.objects.filter(arm=1).update(share="0.25")
    response = server.post(f"{EXPERIMENT}start/", **EMPTY)
    reason = "The shares add up to 75%; they must add up to 100%."
    assert response.status_code == 409
    assert (response.json()["detail"], response.json()["reasons"]) == (reason, [reason])


@pytest.mark.parametrize("step", [step for step, *_ in STEPS])
def test_step_takes_no_fields(server, running_experiment, step):
    answer = server.post(f"{EXPERIMENT}{step}/", {"at": "noon"}, content_type="application/json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["at"])
    assert Experiment.objects.get().status == "running"


@pytest.mark.parametrize(
    "query", ["limit=501", "limit=0", "limit=1e20", f"limit={10**20}", "limit=x"]
)
@pytest.mark.parametrize("name", ["ctas", "audiences", "slots", "experiments"])
def test_limit_out_of_range_is_refused_by_its_name(server, running_experiment, name, query):
    answer = server.get(f"/api/v1/{name}/?{query}")
    assert (answer.status_code, answer.json()["field"]) == (400, "limit")


@pytest.mark.parametrize("query", ["offset=-1", f"offset={10**20}", "offset=x", "offset=%00"])
def test_offset_out_of_range_is_refused(server, running_experiment, query):
    assert server.get(f"/api/v1/slots/?{query}").status_code == 400


def test_page_of_a_list_is_as_long_as_asked(server, site):
    for number in range(3):
        factories.make_slot(site, f"slot-{number}")
    body = server.get("/api/v1/slots/?limit=2&offset=1").json()
    assert ([row["key"] for row in body["results"]], body["count"]) == (["slot-1", "slot-2"], 3)


def test_report_gives_the_numbers(server, running_experiment):
    for variant, clicks in zip(running_experiment.variants.order_by("arm"), (50, 80), strict=True):
        factories.make_rollup(variant, visitors=1_000, clicks=clicks)
    body = server.get(f"{EXPERIMENT}report/").json()
    assert [arm["visitors"] for arm in body["arms"]] == [1_000, 1_000]
    assert body["comparisons"][0]["lift"] == pytest.approx(0.6)
    assert body["srm"]["is_mismatch"] is False


@pytest.mark.parametrize("metric", ["click_rate", "conversion_rate", "value_per_visitor"])
@pytest.mark.parametrize("visitors", [(), (0, 0), (1, 0), (1, 1), (2, 2)])
def test_report_of_next_to_nothing_is_json_without_made_up_numbers(
    server, running_experiment, metric, visitors
):
    Experiment.objects.update(primary_metric=metric, goal="signup")
    arms = running_experiment.variants.order_by("arm")
    for variant, number in zip(arms, visitors, strict=False):
        if number:
            factories.make_rollup(variant, visitors=number)
    response = server.get(f"{EXPERIMENT}report/")
    assert response.status_code == 200
    assert b"NaN" not in response.content
    for row in response.json()["comparisons"]:
        assert row["lift"] is None
        assert row["reason"]


@pytest.mark.parametrize("shares", [{}, {"control": "1"}, {"control": "0.5", "b": "0.2"}])
def test_report_of_an_unfinished_draft_is_there(server, slot, shares):
    factories.make_experiment(slot, shares=shares)
    response = server.get(f"{EXPERIMENT}report/")
    assert (response.status_code, response.json()["comparisons"]) == (200, [])


@pytest.mark.parametrize(("days_ago", "expected"), [(0, 16), (2, 17)], ids=["today", "quiet"])
def test_report_costs_a_fixed_number_of_queries(server, running_experiment, days_ago, expected):
    """One more where nobody new came today: the hour of the last exposure is looked up."""
    counts = []
    last_day = timezone.now().date() - timedelta(days=days_ago)
    for day in range(2):
        for variant in running_experiment.variants.all():
            factories.make_rollup(variant, visitors=100, day=last_day - timedelta(days=day))
        with CaptureQueriesContext(connection) as queries:
            assert server.get(f"{EXPERIMENT}report/").status_code == 200
        counts.append(len(queries))
    assert counts == [expected, expected]


def test_report_is_closed_to_others(other_server, visitor, running_experiment):
    assert other_server.get(f"{EXPERIMENT}report/").status_code == 404
    assert visitor.get(f"{EXPERIMENT}report/").status_code == 401


@pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/"])
def test_description_of_the_api_is_open(visitor, path):
    assert visitor.get(path).status_code == 200


def test_readiness_names_faults_and_doubts(server, slot):
    past = factories.make_running_experiment(slot, "past")
    yesterday = timezone.now().date() - timedelta(days=1)
    for variant in past.variants.all():
        factories.make_rollup(variant, visitors=500, clicks=25, day=yesterday)
    shares = {"control": "0.5", "b": "0.4"}
    factories.make_experiment(slot, planned_visitors=900, shares=shares)
    answer = server.get(f"{EXPERIMENT}readiness/").json()
    assert "The shares add up to 90%; they must add up to 100%." in answer["faults"]
    assert [one["code"] for one in answer["plan_review"]["warnings"]] == ["too_small"]
    assert "900 planned visitors find lifts from" in answer["plan_review"]["warnings"][0]["text"]
    assert server.get(f"{EXPERIMENT}report/").json()["plan_review"] == answer["plan_review"]


def test_readiness_of_a_running_experiment_is_empty(server, running_experiment):
    answer = server.get(f"{EXPERIMENT}readiness/").json()
    assert (answer["faults"], answer["plan_review"]) == ([], None)


@pytest.mark.parametrize(("method", "status"), [("put", 405), ("patch", 409)])
def test_plan_of_a_running_experiment_cannot_be_changed(server, running_experiment, method, status):
    body = {"planned_visitors": 5}
    answer = getattr(server, method)(EXPERIMENT, body, content_type="application/json")
    assert answer.status_code == status
