import tomllib
from collections import defaultdict
from datetime import UTC, datetime

import numpy as np
import pytest

from experiments.models import CTA
from experiments.services.operations.demo_data import PAST_TESTS
from experiments.services.operations.demo_history import PREFIX, click_rate, simulated_history
from ml import predict
from ml.application.predictor_loading import PACKAGED

CONTENT = tomllib.loads(PAST_TESTS.read_text())
LABELLED = {text: labels for test in CONTENT["tests"] for text, *labels in test["wordings"]}


@pytest.fixture(scope="module")
def rows():
    return list(simulated_history(PAST_TESTS))


def test_simulation_gives_the_same_rows_again(rows):
    assert list(simulated_history(PAST_TESTS)) == rows


def test_simulated_tests_say_so_in_their_name(rows):
    assert {row.test.removeprefix(PREFIX) for row in rows} == {
        test["key"] for test in CONTENT["tests"]
    }
    assert all(row.test.startswith("simulated:") for row in rows)


def test_simulated_tests_are_several_dozen_in_two_languages(rows):
    tests = {row.test: row.locale for row in rows}
    assert len(tests) >= 36
    assert {"fr", "en"} == set(tests.values())


def test_effects_of_labels_multiply_the_rate():
    effects = {"reward": np.log(1.5), "vague": np.log(0.5)}
    assert click_rate(0.02, ["reward"], effects, noise=0.0) == pytest.approx(0.03)
    assert click_rate(0.02, ["reward", "vague"], effects, noise=0.0) == pytest.approx(0.015)


def test_counts_recover_the_stated_effect_of_a_reward(rows):
    """Mean difference of log rates inside a test; 0.08 of noise and a few dozen wordings."""
    groups = defaultdict(list)
    for row in rows:
        groups[row.test].append(row)
    differences = []
    for group in groups.values():
        plain = [np.log(row.clicks / row.visitors) for row in group if not LABELLED[row.text]]
        reward = [
            np.log(row.clicks / row.visitors) for row in group if LABELLED[row.text] == ["reward"]
        ]
        if plain and reward:
            differences.append(np.mean(reward) - np.mean(plain))
    assert len(differences) >= 12
    standard_error = np.std(differences, ddof=1) / np.sqrt(len(differences))
    assert abs(np.mean(differences) - CONTENT["effects"]["reward"]) < 3.5 * standard_error


def test_labels_are_known_and_say_what_is_true():
    for text, labels in LABELLED.items():
        assert set(labels) <= CONTENT["effects"].keys()
        assert ("long" in labels) == (len(text.split()) > 6), text


def test_placements_and_forms_are_those_of_the_catalogue(rows):
    assert {row.form for row in rows} == set(CTA.Form.values)
    assert {row.placement for row in rows} <= {
        "above_fold",
        "in_text",
        "footer",
        "popup",
        "email",
        "spoken",
    }


@pytest.mark.slow
@pytest.mark.django_db
def test_the_products_encoder_passes_the_gate_on_it(rows, settings, tmp_path, monkeypatch):
    """The end-to-end test of the demo trains on a tiny encoder instead."""
    settings.CTAOPT_MODEL_DIR = tmp_path / "models"
    settings.CTAOPT_ENCODER_DIR = tmp_path / "encoders"
    settings.CTAOPT_ENCODER = ""
    # Its int8 copy takes longer than all the rest: tests/ml/encoders/test_int8_export.py.
    monkeypatch.setattr("ml.training.pipeline.add_fast_parts", lambda artifact, *_, **__: artifact)
    result = predict.train(rows, now=datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
    assert result["manifest"]["configuration"]["encoder"]["name"] == PACKAGED.title
    assert (result["status"], result["strategy"]) == ("active", "frozen_head")
