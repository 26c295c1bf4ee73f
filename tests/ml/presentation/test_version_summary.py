from copy import deepcopy

import pytest

from ml.presentation.version_summary import accuracy_sentences, difference_sentences


def estimate(value, low=None, high=None):
    return {"value": value, "low": low, "high": high}


@pytest.fixture
def manifest():
    return {
        "data": {"groups": 300, "sha256": "a"},
        "configuration": {"encoder": {"name": "mini"}},
        "metrics": {
            "tfidf": {"accuracy_all": estimate(0.7684, 0.742, 0.796)},
            "frozen_head": {"accuracy_all": estimate(0.81, 0.79, 0.83)},
        },
        "ceiling": {"binomial": estimate(0.84, 0.83, 0.85), "overdispersed": None},
    }


def test_accuracy_is_said_in_cases_of_a_hundred(manifest):
    first, second = accuracy_sentences(manifest, strategy="tfidf")
    assert "the better one in 77 of 100 cases (74 to 80)" in first
    assert "more than about 84 of 100" in second


def test_later_tests_are_said_where_there_are_some(manifest):
    later = {"tfidf": {"accuracy_all": estimate(0.71, 0.66, 0.76)}}
    manifest["confirmation"] = {"metrics": later}
    assert accuracy_sentences(manifest, strategy="tfidf")[-1].endswith("71 (66 to 76).")
    assert len(accuracy_sentences(manifest, strategy="frozen_head")) == 2


def test_version_that_predicts_nothing_says_so(manifest):
    (sentence,) = accuracy_sentences(manifest, strategy="")
    assert "it predicts nothing" in sentence


def test_undefined_accuracy_is_no_number(manifest):
    manifest["metrics"]["tfidf"]["accuracy_all"] = estimate(None)
    (sentence,) = accuracy_sentences(manifest, strategy="tfidf")
    assert sentence == "There were no pairs of wordings to judge it by."


def test_differences_are_named_one_by_one(manifest):
    before = deepcopy(manifest)
    before["data"] = {"groups": 280, "sha256": "b"}
    before["configuration"]["encoder"]["name"] = "other"
    said = difference_sentences(manifest, before, strategy="frozen_head", strategy_before="tfidf")
    assert said == [
        "20 more past contrasts to learn from.",
        "Another strategy: Frozen encoder + ridge (transfer learning), formerly TF-IDF ridge "
        "(learned from scratch).",
        "Another encoder: mini, formerly other.",
        "Right in 81.0 of 100 pairs, formerly in 76.8. Each is measured on its own past tests.",
    ]


def test_same_training_again_differs_in_nothing_but_its_figure(manifest):
    said = difference_sentences(manifest, manifest, strategy="tfidf", strategy_before="tfidf")
    assert said == ["Right in 76.8 of 100 pairs, formerly in 76.8."]


def test_version_without_a_strategy_has_no_gain(manifest):
    fewer = deepcopy(manifest)
    fewer["data"]["groups"] = 290
    said = difference_sentences(fewer, manifest, strategy="", strategy_before="tfidf")
    assert said[0] == "10 fewer past contrasts to learn from."
    assert "none passed the gate, formerly" in said[1]
    assert len(said) == 2
