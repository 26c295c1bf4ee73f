import pytest

from tests.ml.factories import StrangeEncoder, divided_rows, learnable_rows, train_in


@pytest.fixture(scope="module")
def divided(tmp_path_factory):
    """The record of a training on two audiences that differ."""
    folder = tmp_path_factory.mktemp("models") / "p1"
    return train_in(folder, divided_rows(), encoder=StrangeEncoder()).manifest


def test_departures_are_kept_when_they_win_on_held_out_tests(divided):
    verdict = divided["departures"]["factors"]["audience"]
    assert verdict["kept"]
    assert verdict["gain"]["low"] > 0
    assert divided["departures"]["metrics"]["accuracy_all"]["value"] > 0.9


def test_every_level_is_judged_by_itself(divided):
    experts = divided["departures"]["levels"]["audience"]["experts"]
    assert experts["groups"] == 30
    assert experts["accuracy_shared"]["value"] < 0.2
    assert experts["accuracy"]["value"] > 0.8
    assert experts["log_loss_skill"]["value"] > 0
    assert 0 < experts["borrowed"] < 1


def test_factor_with_one_level_is_not_tried(divided):
    assert set(divided["departures"]["factors"]) == {"audience"}


def test_departures_are_dropped_when_audiences_are_alike(tmp_path):
    manifest = train_in(
        tmp_path / "p1", learnable_rows(60, locale="en", audience="new"), encoder=StrangeEncoder()
    ).manifest
    assert manifest["departures"]["factors"] == {}
    alike = [
        *learnable_rows(60, locale="en", audience="new"),
        *divided_rows(1, 0),
    ]
    again = train_in(tmp_path / "p2", alike, encoder=StrangeEncoder()).manifest
    assert not again["departures"]["factors"]["audience"]["kept"]
    assert again["departures"]["levels"]["audience"]["new"]["borrowed"] == 1.0


def test_risk_and_explanations_are_recorded(divided):
    risk = divided["risk"]
    assert len(risk["curve"]) == 10
    assert 0.5 <= risk["toss_up"] < 1
    assert risk["interval_coverage"]["value"] > 0.85
    assert divided["explanations"]["low"] > 0
