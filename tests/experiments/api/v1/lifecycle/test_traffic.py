from datetime import timedelta

import pytest
from django.utils import timezone

from experiments.models import Experiment
from tests import factories
from tests.experiments.api.v1.test_views import EXPERIMENT
from tests.factories import NOW


def post(server, path, content):
    return server.post(f"{EXPERIMENT}{path}/", content, content_type="application/json")


def test_allocator_changes_shares_and_reads_the_history(server, running_experiment):
    content = {"shares": {"control": "0.3", "b": "0.7"}, "note": "posterior of today"}
    body = post(server, "traffic", content).json()
    assert [arm["share"] for arm in body["variants"]] == [0.3, 0.7]
    history = server.get(f"{EXPERIMENT}history/").json()
    assert [phase["shares"] for phase in history["phases"]] == [[0.5, 0.5], [0.3, 0.7]]
    assert "posterior of today" in history["changes"][0]["note"]


def test_share_of_zero_drops_an_arm(server, running_experiment):
    answer = post(server, "traffic", {"shares": {"control": "1", "b": "0"}})
    assert answer.status_code == 200
    assert [arm["share"] for arm in answer.json()["variants"]] == [1, 0]


def test_rolled_back_arm_gets_its_share_back(server, running_experiment):
    factories.make_phases(running_experiment, ([0.5, 0.5], 1.0), ([1.0, 0.0], 1.0))
    stamps = {"rolled_back_at": NOW, "rollback_reason": "{}"}
    running_experiment.variants.filter(key="b").update(**stamps)
    body = post(server, "restore-arm", {"arm": "b"}).json()
    assert [arm["share"] for arm in body["variants"]] == [0.5, 0.5]
    assert body["variants"][1]["rolled_back_at"] is None
    assert not body["rolls_back"]
    assert post(server, "restore-arm", {"arm": "b"}).status_code == 409


def test_coverage_alone_may_change(server, running_experiment):
    assert post(server, "traffic", {"coverage": 0.25}).json()["coverage"] == 0.25


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("traffic", {"shares": {"control": "0.5"}}),
        ("traffic", {"shares": {"control": "0.50001", "b": "0.49999"}}),
        ("traffic", {"coverage": "much"}),
        ("ramp", {}),
        ("ramp", {"steps": [{"coverage": "0.5"}, {"coverage": "0.1"}]}),
        ("schedule", {"ends_at": "2020-01-01T00:00:00Z"}),
        ("roll-back", {}),
        ("schedule", {}),
        ("traffic", {}),
        ("traffic", {"note": "nothing"}),
        ("traffic", [1]),
        ("traffic", "much"),
    ],
)
def test_what_cannot_be_is_a_400_and_changes_nothing(server, running_experiment, path, content):
    assert post(server, path, content).status_code == 400
    assert not running_experiment.phases.exists()
    assert Experiment.objects.get().status == "running"


def test_ramp_begins_at_once_while_it_runs(server, running_experiment):
    steps = [{"coverage": "0.1", "hold_hours": 6}, {"coverage": 1}]
    assert post(server, "ramp", {"steps": steps}).json()["coverage"] == 0.1
    history = server.get(f"{EXPERIMENT}history/").json()
    assert [step["hold_hours"] for step in history["ramp"]] == [6.0, 24.0]


def test_schedule_is_shown(server, running_experiment):
    end = (timezone.now() + timedelta(days=9)).replace(microsecond=0)
    body = post(server, "schedule", {"ends_at": end.isoformat()}).json()
    assert body["ends_at"] == f"{end:%Y-%m-%dT%H:%M:%SZ}"


def test_roll_back_is_undone_by_resuming(server, running_experiment):
    assert post(server, "roll-back", {"reason": "Wrong price."}).json()["status"] == "paused"
    assert server.get(f"{EXPERIMENT}history/").json()["rollback_reason"] == "Wrong price."
    assert post(server, "roll-back", {"reason": "Again."}).status_code == 409
    assert post(server, "resume", {}).json()["status"] == "running"


def test_previews_are_given_for_each_arm(server, running_experiment):
    body = server.get(f"{EXPERIMENT}previews/").json()
    assert set(body) == {"control", "b"}
    assert all(part.startswith("ctaopt_preview=") for part in body.values())


def test_other_site_finds_nothing(client, running_experiment, other_server_key):
    headers = {"Authorization": f"Bearer {other_server_key}"}
    for path in ("history", "previews"):
        assert client.get(f"{EXPERIMENT}{path}/", headers=headers).status_code == 404
    answer = client.post(
        f"{EXPERIMENT}traffic/", {"coverage": 0.5}, content_type="application/json", headers=headers
    )
    assert answer.status_code == 404


NAME = "backend (shop-server-…)"


@pytest.mark.parametrize("step", ["pause", "stop", "roll-back", "traffic"])
def test_history_names_the_key_that_acted(server, running_experiment, step):
    content = {"roll-back": {"reason": "slow"}, "traffic": {"coverage": "0.5"}}.get(step, {})
    assert post(server, step, content).status_code == 200
    change = server.get(f"{EXPERIMENT}history/").json()["changes"][0]
    assert (change["server_key"], change["author__username"]) == (NAME, None)


def test_history_names_the_person_who_acted(client, owner, running_experiment):
    client.force_login(owner)
    post(client, "pause", {})
    change = running_experiment.changes.get()
    assert (change.author, change.server_key) == (owner, "")


@pytest.mark.parametrize(
    ("path", "content", "unknown"),
    [
        ("schedule", {"start_at": "2030-01-01T00:00:00Z"}, "start_at"),
        ("traffic", {"share": {"control": "1"}}, "share"),
        ("traffic", {"coverage": "0.5", "Note": ""}, "Note"),
        ("ramp", {"steps": [{"coverage": "0.5", "hours": 3}]}, "steps.0.hours"),
        ("restore-arm", {"arm": "b", "share": 1}, "share"),
        ("roll-back", {"reason": "slow", "x" * 5_000: 1}, "x" * 100),
    ],
)
def test_unknown_field_is_refused_by_its_name(server, running_experiment, path, content, unknown):
    end = timezone.now() + timedelta(days=7)
    Experiment.objects.update(ends_at=end)
    answer = post(server, path, content)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [unknown])
    running_experiment.refresh_from_db()
    assert (running_experiment.ends_at, running_experiment.status) == (end, "running")
    assert not running_experiment.changes.exists()


def test_schedule_changes_what_is_named_and_null_takes_it_away(server, draft):
    start, end = (timezone.now() + timedelta(days=days) for days in (1, 7))
    post(server, "schedule", {"starts_at": start.isoformat(), "ends_at": end.isoformat()})
    post(server, "schedule", {"starts_at": None})
    draft.refresh_from_db()
    assert (draft.starts_at, draft.ends_at) == (None, end)
