import numpy as np
import pytest

from tests.ml.factories import (
    StrangeEncoder,
    arm_row,
    divided_rows,
    learnable_rows,
    train_in,
)


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
    assert again["departures"]["levels"]["audience"]["new"]["borrowed"] == pytest.approx(1)


def test_risk_and_explanations_are_recorded(divided):
    risk = divided["risk"]
    assert len(risk["curve"]) == 10
    assert 0.5 <= risk["toss_up"] < 1
    assert risk["interval_coverage"]["value"] > 0.85
    assert divided["explanations"]["low"] > 0


def test_what_the_features_tell_of_everybody_is_no_difference(divided, tmp_path):
    """A reward that helps everybody and that no wording repeats: only the traits can learn it."""
    rng = np.random.default_rng(3)
    rows = []
    for number in range(160):
        audience = "odd" if number % 2 else "even"
        own = f"w{number}x y{number}x"
        for text, gain in [(f"win {own}", 0.25), (f"plain {own}", 0.1), (f"dull {own}", -0.1)]:
            clicks = int(rng.binomial(4_000, 1 / (1 + np.exp(2.5 - gain))))
            row = {"audience": audience, "locale": "en"}
            rows.append(arm_row(f"t{number}", text, 4_000, clicks, **row))
    manifest = train_in(tmp_path / "p1", rows, encoder=StrangeEncoder()).manifest
    assert not manifest["departures"]["factors"]["audience"]["kept"]
    assert divided["departures"]["factors"]["audience"]["gain_over_pooled"]["low"] > 0
