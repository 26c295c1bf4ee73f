"""The predictor on real past tests: the Upworthy Research Archive."""

import numpy as np
import pytest

from ml.dataset.contrast_groups import build_groups
from ml.encoders.cache import CachedEncoder
from ml.encoders.sentence_encoder import load_encoder
from ml.evaluation.cross_validation import cross_validate, make_folds
from ml.evaluation.metrics import group_sums, summarise
from ml.history.reading import read_history
from ml.strategies.frozen_head import FrozenHead
from ml.strategies.tfidf import TfidfRidge

pytestmark = [pytest.mark.slow, pytest.mark.needs_shared]


@pytest.fixture(scope="module")
def folds(upworthy_csv):
    dataset = build_groups(read_history(upworthy_csv, "upworthy").rows)
    sound = [group for group in dataset.groups if not group.suspect]
    return make_folds(sound, 5, rng=np.random.default_rng(0))


def test_plain_words_reach_what_they_reached_before(folds):
    sums = group_sums(cross_validate(TfidfRidge(), folds).predictions)
    found = summarise(sums, rng=np.random.default_rng(0))
    assert found.accuracy_all.value >= 0.552
    assert found.accuracy_p05.value >= 0.613


def test_frozen_encoder_beats_its_goal(folds, tmp_path):
    strategy = FrozenHead(encoder=CachedEncoder(load_encoder(""), tmp_path))
    sums = group_sums(cross_validate(strategy, folds).predictions)
    found = summarise(sums, rng=np.random.default_rng(0))
    assert found.accuracy_all.value >= 0.58
    assert found.accuracy_p05.value >= 0.675
