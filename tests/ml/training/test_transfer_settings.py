from dataclasses import replace

import pytest

from ml.encoders.sentence_encoder import load_encoder
from ml.errors import TooLittleHistoryError
from ml.fine_tuning.domain_adaptation import adapt_encoder
from ml.training.transfer_settings import compare_settings
from tests.ml.conftest import TINY_ENCODER
from tests.ml.factories import HashEncoder
from tests.ml.training.test_transfer_source import site

SETTINGS = [
    "inductive_target",
    "inductive_weighted",
    "transductive_plain",
    "transductive_weighted",
    "transductive_aligned",
]


@pytest.fixture(scope="module")
def compared():
    return compare_settings(site("b", 80, seed=2), site("a", 40, seed=1), HashEncoder(32), seed=1)


def test_every_setting_is_judged_on_the_target(compared):
    assert list(compared["settings"]) == SETTINGS
    assert compared["target_groups"] == 40
    for metrics in compared["settings"].values():
        assert metrics["accuracy_all"]["value"] > 0.7  # the same words are good on both sites


def test_target_labels_do_not_train_in_the_transductive_settings(compared):
    swapped = [replace(row, clicks=4000 - row.clicks) for row in site("a", 40, seed=1)]
    found = compare_settings(site("b", 80, seed=2), swapped, HashEncoder(32), seed=1)
    for name in SETTINGS[2:]:
        right, wrong = (
            each["settings"][name]["accuracy_all"]["value"] for each in (compared, found)
        )
        assert right + wrong == pytest.approx(1, abs=0.02)
    assert found["settings"]["inductive_target"]["accuracy_all"]["value"] > 0.7


def test_encoder_adapted_without_labels_is_judged_when_asked_for():
    encoder = load_encoder(str(TINY_ENCODER))
    found = compare_settings(
        site("b", 30, seed=2),
        site("a", 30, seed=1),
        encoder,
        seed=1,
        adapt=lambda texts: adapt_encoder(encoder, texts, seed=1),
    )
    assert "unsupervised_adapted" in found["settings"]


def test_source_that_is_the_target_is_refused():
    rows = site("a", 40, seed=1)
    with pytest.raises(TooLittleHistoryError):
        compare_settings(rows, rows, HashEncoder(), seed=1)
