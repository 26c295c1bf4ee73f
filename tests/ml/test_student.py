import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge

from ml.student import ALPHA, teach

WORDS = ["free", "now", "guide", "book", "try", "découvrir", "l'offre", "?", "start", "get"]


def wordings(n=300, seed=3):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, size=rng.integers(1, 6))) for _ in range(n)]


def teacher(texts):
    """Says more of "free", less of a question; adds up, as a student can."""
    return np.array([text.count("free") - 0.5 * text.count("?") for text in texts])


@pytest.fixture(scope="module")
def student():
    texts = wordings()
    return teach(texts, teacher(texts))


def test_student_says_what_its_teacher_says_of_new_wordings(student):
    unseen = wordings(seed=4)
    assert np.corrcoef(student.score(unseen), teacher(unseen))[0, 1] > 0.9


def test_fidelity_is_the_correlation_on_unseen_wordings(student):
    unseen = wordings(1000, seed=5)
    measured = np.corrcoef(student.score(unseen), teacher(unseen))[0, 1]
    assert student.fidelity == pytest.approx(measured, abs=0.05)


def test_scores_are_those_of_scikit_learn(student):
    texts = wordings()
    vectorizer = TfidfVectorizer(token_pattern=r"\w+|[^\w\s]", sublinear_tf=True)
    features = vectorizer.fit_transform(texts)
    head = Ridge(alpha=ALPHA, solver="sparse_cg", tol=1e-6).fit(features, teacher(texts))
    unseen = [*wordings(seed=6), "Free, free FREE now?", "", "nothing known"]
    expected = vectorizer.transform(unseen) @ head.coef_
    assert student.score(unseen) == pytest.approx(expected, abs=1e-9)


def test_share_of_known_words_is_told(student):
    assert student.known_share(["free now", "free stuff", "stuff", ""]).tolist() == [1, 0.5, 0, 0]


def test_student_of_a_teacher_without_an_opinion_has_no_fidelity():
    texts = wordings(60)
    assert teach(texts, np.zeros(60)).fidelity is None


@given(st.lists(st.text(max_size=50), max_size=5))
def test_any_text_gets_a_finite_score(student, texts):
    assert np.isfinite(student.score(texts)).all()


@pytest.mark.parametrize(("n_texts", "n_scores"), [(49, 49), (60, 59)], ids=["few", "unequal"])
def test_too_little_to_learn_from_is_refused(n_texts, n_scores):
    with pytest.raises(ValueError, match="at least 50, one score each"):
        teach(wordings(n_texts), np.zeros(n_scores))
