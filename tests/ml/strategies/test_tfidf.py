import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from ml.dataset.contrast_groups import stack_arms
from ml.dataset.targets import centered_targets, evidence_weights
from ml.strategies.tfidf import TfidfRidge
from tests.ml.factories import (
    arm_row,
    groups_of,
    learnable_rows,
)


@pytest.fixture(scope="module")
def arms():
    return stack_arms(groups_of(*learnable_rows()))


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
