from dataclasses import replace

import pytest

from ml.dataset.contrast_groups import stack_arms
from ml.encoders.sentence_encoder import load_encoder
from ml.errors import TooLittleHistoryError
from ml.fine_tuning.domain_adaptation import adapt_encoder
from ml.training.transfer_settings import compare_settings
from tests.ml.conftest import TINY_ENCODER
from tests.ml.factories import HashEncoder, groups_of, learnable_rows
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


def test_adaptation_changes_vectors_and_not_the_encoder():
    encoder = load_encoder(str(TINY_ENCODER))
    texts = stack_arms(groups_of(*learnable_rows(20))).texts
    before = encoder.encode(texts)
    adapted = adapt_encoder(encoder, texts, seed=1)
    assert abs(adapted.encode(texts) - before).max() > 1e-4
    assert (encoder.encode(texts) == before).all()
    assert adapted.fingerprint != encoder.fingerprint
    again = adapt_encoder(encoder, texts, seed=1)
    assert (again.encode(texts[:3]) == adapted.encode(texts[:3])).all()


def test_adaptation_needs_two_texts():
    with pytest.raises(ValueError, match="texts: 1 different ones"):
        adapt_encoder(load_encoder(str(TINY_ENCODER)), ["Go", "Go"], seed=1)


def test_source_that_is_the_target_is_refused():
    rows = site("a", 40, seed=1)
    with pytest.raises(TooLittleHistoryError):
        compare_settings(rows, rows, HashEncoder(), seed=1)
