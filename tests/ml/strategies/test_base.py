"""Properties that every strategy shares."""

import numpy as np
import pytest
from scipy.sparse import issparse

from ml.dataset.contrast_groups import stack_arms
from ml.strategies.frozen_head import FrozenHead
from ml.strategies.no_text import NoText
from ml.strategies.tfidf import TfidfRidge
from tests.ml.factories import (
    BAD_WORDS,
    GOOD_WORDS,
    HashEncoder,
    arm_row,
    groups_of,
    learnable_rows,
)

NEW = ["free unseen1 unseen2", "plain unseen1 unseen2", "submit unseen1 unseen2"]
READERS = {"tfidf": TfidfRidge(), "frozen_head": FrozenHead(encoder=HashEncoder(32))}
ALL = READERS | {"no_text": NoText()}


@pytest.fixture(scope="module")
def arms():
    return stack_arms(groups_of(*learnable_rows()))


@pytest.mark.parametrize("strategy", READERS.values(), ids=READERS)
def test_good_words_score_above_bad_ones_in_new_wordings(strategy, arms):
    fitted = strategy.fit(arms)
    good = fitted.score([f"{word} unseen" for word in GOOD_WORDS])
    bad = fitted.score([f"{word} unseen" for word in BAD_WORDS])
    assert good.min() > bad.max()


@pytest.mark.parametrize("strategy", ALL.values(), ids=ALL)
def test_restored_strategy_gives_the_same_scores(strategy, arms):
    fitted = strategy.fit(arms)
    restored = strategy.restore(fitted.parts())
    np.testing.assert_allclose(restored.score(NEW), fitted.score(NEW), rtol=1e-12)


@pytest.mark.parametrize("strategy", ALL.values(), ids=ALL)
def test_name_is_its_key(strategy):
    assert ALL[strategy.name] is strategy


@pytest.mark.parametrize("strategy", READERS.values(), ids=READERS)
def test_level_of_a_test_teaches_nothing(strategy):
    # Spring sells four times as well as autumn, whatever the wording.
    rows = [
        arm_row(f"{season}{number}", f"{season} {word}{number}", 2000, clicks)
        for season, clicks in [("spring", 400), ("autumn", 100)]
        for number in range(20)
        for word in ("up", "down")
    ]
    spring, autumn = strategy.fit(stack_arms(groups_of(*rows))).score(["spring", "autumn"])
    assert spring == pytest.approx(autumn, abs=1e-6)


@pytest.mark.parametrize("strategy", READERS.values(), ids=READERS)
def test_representation_has_unit_rows(strategy, arms):
    rows = strategy.fit(arms).represent(NEW)
    dense = rows.toarray() if issparse(rows) else rows
    np.testing.assert_allclose(np.linalg.norm(dense, axis=1), 1, rtol=1e-6)
