"""What holds for every strategy, and what sets each apart."""

import numpy as np
import pytest
from scipy.sparse import issparse
from sklearn.feature_extraction.text import TfidfVectorizer

from ml.dataset.contrast_groups import stack_arms
from ml.dataset.targets import centered_targets, evidence_weights
from ml.errors import EncoderError
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


def test_no_text_scores_everything_alike(arms):
    fitted = NoText().fit(arms)
    assert fitted.score(NEW).tolist() == [0, 0, 0]
    assert fitted.represent(NEW) is None


def test_tfidf_is_a_weighted_ridge_on_centred_rows(arms):
    fitted = TfidfRidge(alpha=5.0).fit(arms)
    rows = fitted.represent(arms.texts).toarray()
    means = np.stack([rows[arms.group == group].mean(axis=0) for group in range(arms.n_groups)])
    features = rows - means[arms.group]
    weight = evidence_weights(arms)
    normal = features.T @ (weight[:, None] * features) + 5.0 * np.eye(features.shape[1])
    exact = np.linalg.solve(normal, features.T @ (weight * centered_targets(arms)))
    np.testing.assert_allclose(fitted.weights, exact, atol=1e-4)


def test_tfidf_keeps_accents_and_one_letter_words():
    rows = [arm_row(test, f"{text} {test}") for test in "xy" for text in ("à l'été", "a l'ete")]
    terms = TfidfRidge().fit(stack_arms(groups_of(*rows))).parts().words["terms"]
    assert {"à", "a", "été", "ete", "l été"} <= set(terms)


def test_tfidf_learns_from_wordings_without_a_shared_word():
    rows = [arm_row(text="👉", clicks=60), arm_row(text="→", clicks=40)]
    better, worse, unknown = (
        TfidfRidge().fit(stack_arms(groups_of(*rows))).score(["👉", "→", "new"])
    )
    assert better > unknown > worse


def test_head_refuses_another_encoder(arms):
    parts = FrozenHead(encoder=HashEncoder(seed=1)).fit(arms).parts()
    with pytest.raises(EncoderError, match="encoder 'hash': not the one the predictor was trained"):
        FrozenHead(encoder=HashEncoder(seed=2)).restore(parts)


def test_tfidf_rows_are_those_of_scikit_learn(arms):
    fitted = TfidfRidge(min_count=1).fit(arms)
    vectorizer = TfidfVectorizer(
        token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2), sublinear_tf=True
    ).fit(arms.texts)
    terms = fitted.parts().words["terms"]
    assert terms == vectorizer.get_feature_names_out().tolist()
    unseen = [*arms.texts, "free free guide", "", "of no known word"]
    expected = vectorizer.transform(unseen).toarray()
    assert fitted.represent(unseen).toarray() == pytest.approx(expected, abs=1e-12)
