import numpy as np
import pytest
import torch  # noqa: TID253 - its random state

from ml.distillation import distil
from ml.distillation.distil import distil_student
from ml.encoders.sentence_encoder import load_encoder
from tests.ml.conftest import TINY_ENCODER

TOKENIZER = (TINY_ENCODER / "tokenizer.json").read_text(encoding="utf-8")
WORDS = ["free", "now", "guide", "book", "try", "my", "offer", "?", "start", "get"]


@pytest.fixture(scope="module")
def vectors():
    return load_encoder(str(TINY_ENCODER)).first_vectors


def wordings(n=400, seed=3):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, size=rng.integers(2, 7))) for _ in range(n)]


def teacher(texts):
    """Likes "free", more so after "my": word order matters."""
    return np.array([text.count("free") + 2.0 * text.count("my free") for text in texts])


def taught(vectors, texts, says=teacher, seed=1, **more):
    return distil_student(texts, says, tokenizer=TOKENIZER, vectors=vectors, seed=seed, **more)


@pytest.fixture(scope="module")
def student(vectors):
    return taught(vectors, wordings())


def test_student_says_what_its_teacher_says_of_new_wordings(student):
    unseen = wordings(seed=4)
    assert np.corrcoef(student.score(unseen), teacher(unseen))[0, 1] > 0.9


def test_student_hears_the_order_of_words(student):
    right, wrong = student.score(["get my free guide", "get free my guide"])
    assert right - wrong > 0.5


def test_fidelity_is_the_correlation_on_unseen_wordings(student):
    unseen = wordings(1000, seed=5)
    measured = np.corrcoef(student.score(unseen), teacher(unseen))[0, 1]
    assert student.fidelity == pytest.approx(measured, abs=0.1)


def test_student_knows_the_words_it_was_taught(student):
    assert student.known_share(["Free guide", "unheard-of"]).tolist() == [1, 0]


def test_equal_seed_gives_the_same_student_and_leaves_draws_of_others_alone(vectors, monkeypatch):
    monkeypatch.setattr(distil, "MIN_STEPS", 5)
    texts, state = wordings(60), torch.random.get_rng_state()
    first, second = (taught(vectors, texts) for _ in range(2))
    assert (first.reads == second.reads).all()
    assert (first.own == second.own).all()
    assert (torch.random.get_rng_state() == state).all()


def test_student_of_a_teacher_without_an_opinion_has_no_fidelity(vectors, monkeypatch):
    monkeypatch.setattr(distil, "MIN_STEPS", 5)
    assert taught(vectors, wordings(60), lambda texts: np.zeros(len(texts))).fidelity is None


def test_progress_of_a_teaching_rises_to_one(vectors, monkeypatch):
    monkeypatch.setattr(distil, "MIN_STEPS", 60)
    monkeypatch.setattr(distil, "TEACHER_BATCH", 100)
    told = []
    taught(vectors, wordings(60), progress=told.append)
    assert told == sorted(told)
    assert len(told) > 4
    assert told[-1] == 1.0


def test_too_little_to_learn_from_is_refused(vectors):
    with pytest.raises(ValueError, match="texts: 49; at least 50"):
        taught(vectors, wordings(49))
