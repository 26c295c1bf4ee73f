from datetime import timedelta

import pytest
from django.utils import timezone

from experiments.models import Decision, Experiment, ServerKey
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.factories import NOW

EXPERIMENT = "/api/v1/experiments/hero-test/"
WINNER = {"outcome": "winner", "arm": "b", "note": "Shorter.", "promotes": True}


def post(caller, step, content=None):
    return caller.post(f"{EXPERIMENT}{step}/", content or {}, content_type="application/json")


def default_of(experiment):
    experiment.slot.refresh_from_db()
    return experiment.slot.default_cta


@pytest.fixture
def won(running_experiment, time_machine):
    """The running test in which arm b does far better."""
    time_machine.move_to(NOW, tick=False)
    count(running_experiment, (1_000, 60), (1_000, 150))
    return running_experiment


def test_stop_takes_the_decision_and_shows_the_winner(server, won):
    body = post(server, "stop", WINNER).json()
    cta = won.variants.get(key="b").cta
    assert body["status"] == "stopped"
    told = body["decision"]
    assert (told["outcome"], told["winner"], told["note"]) == ("winner", "b", "Shorter.")
    assert (told["verdict"], told["compared"], told["visitors"]) == ("ship", "b", 2_000)
    assert told["lift"] == pytest.approx(1.5)
    assert 0 < told["p_value"] < 0.05
    assert (told["author"], told["server_key"]) == (None, "backend (shop-server-…)")
    assert told["promoted_cta"] == cta.pk == default_of(won).pk
    assert server.get(EXPERIMENT).json()["decision"] == told
    assert server.get(f"{EXPERIMENT}report/").json()["decision"]["winner"] == "b"
    kinds = [row["kind"] for row in server.get(f"{EXPERIMENT}history/").json()["changes"]]
    assert kinds == ["promote", "decide", "stop"]


def test_stop_without_fields_asks_for_nothing(server, won):
    assert post(server, "stop").json()["decision"] is None
    assert (
        post(server, "decision", {"outcome": "inconclusive"}).json()["decision"]["winner"] is None
    )


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"note": "Why?"}, "outcome"),
        ({"outcome": "perhaps"}, "outcome"),
        ({"outcome": "control", "winner": "b"}, "winner"),
        ({"outcome": "control", "promotes": "no idea"}, "promotes"),
        ({"outcome": "control", "note": "x" * 2_001}, "note"),
    ],
)
def test_wrong_field_is_named_and_stops_nothing(server, won, content, field):
    answer = post(server, "stop", content)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert Experiment.objects.get().status == "running"


def test_contradiction_is_refused_with_its_reason(server, won):
    answer = post(server, "stop", {"outcome": "winner", "arm": "control"})
    assert (answer.status_code, answer.json()["reasons"]) == (400, ["Choose which arm has won."])
    assert Experiment.objects.get().status == "running"


def test_changed_default_is_a_conflict(server, won):
    answer = post(server, "stop", {**WINNER, "expected_default": default_of(won).pk + 999})
    assert answer.status_code == 409
    assert Experiment.objects.get().status == "running"
    assert (
        post(server, "stop", {**WINNER, "expected_default": default_of(won).pk}).status_code == 200
    )


@pytest.mark.parametrize("step", ["stop", "decision"])
def test_second_decision_is_a_conflict(server, won, step):
    assert post(server, "stop", WINNER).status_code == 200
    assert post(server, step, {"outcome": "control"}).status_code == 409
    assert Decision.objects.get().outcome == "winner"


def test_running_test_is_stopped_before_it_is_decided(server, won):
    assert post(server, "decision", {"outcome": "invalid"}).status_code == 409


def test_promotion_is_undone(server, won):
    former = default_of(won)
    post(server, "stop", WINNER)
    assert post(server, "undo-promotion").json()["decision"]["undone_at"]
    assert default_of(won) == former
    assert post(server, "undo-promotion").status_code == 409


def test_late_undoing_is_refused_with_its_reason(server, won):
    post(server, "stop", WINNER)
    Decision.objects.update(decided_at=timezone.now() - timedelta(hours=25))
    answer = post(server, "undo-promotion")
    assert answer.status_code == 409
    assert "More than 24 hours have passed" in answer.json()["detail"]


def test_key_that_only_reads_decides_nothing(client, won):
    secret = factories.make_server_key(won.slot.site, "read-only-key-of-shop", name="reader")
    ServerKey.objects.filter(name="reader").update(scopes=["read"])
    for step in ("stop", "decision", "undo-promotion"):
        answer = client.post(
            f"{EXPERIMENT}{step}/",
            WINNER,
            content_type="application/json",
            headers={"Authorization": f"Bearer {secret}"},
        )
        assert answer.status_code == 403
