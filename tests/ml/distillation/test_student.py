import numpy as np
import pytest
import torch  # noqa: TID253 - an independent value
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.distillation.student import Pieces, Student
from tests.ml.conftest import TINY_ENCODER

TOKENIZER = (TINY_ENCODER / "tokenizer.json").read_text(encoding="utf-8")
TEXTS = ["Get my free guide now", "free", "", "Découvrir l'offre 🎉", "free free free"]
DIMENSION, WIDTH, HEADS, HIDDEN = 3, 6, 2, 4


@pytest.fixture(scope="module")
def student():
    """Any weights: what is tested is how they are used."""
    rng = np.random.default_rng(3)
    n_pieces = Pieces(TOKENIZER)._tokenizer.get_vocab_size()

    def drawn(*shape):
        return rng.normal(size=shape).astype(np.float32)

    return Student(
        vectors=drawn(n_pieces, DIMENSION).astype(np.float16),
        reads=drawn(3, DIMENSION, WIDTH),
        reads_bias=drawn(WIDTH),
        own=drawn(3, WIDTH).astype(np.float16),
        own_pieces=np.array([0, 5, n_pieces - 2], dtype=np.int32),
        attention=drawn(WIDTH, HEADS),
        hidden=drawn(3 * WIDTH, HIDDEN),
        hidden_bias=drawn(HIDDEN),
        out=drawn(HIDDEN),
        tokenizer=TOKENIZER,
        words=frozenset({"free", "now"}),
        fidelity=None,
    )


def expected_score(student, text):
    """Convolve and pool as torch does: the first tap reads the piece before."""
    weights = {
        name: torch.from_numpy(getattr(student, name).astype(np.float32))
        for name in ("vectors", "reads", "reads_bias", "own", "attention", "hidden", "out")
    }
    pieces = [piece for word in text.split() for piece in student._pieces[word]]
    readings = torch.zeros(1, WIDTH)
    if pieces:
        vectors = weights["vectors"][pieces].T[None]
        taps = weights["reads"].permute(2, 1, 0)
        convolved = torch.conv1d(vectors, taps, weights["reads_bias"], padding=1)[0].T
        places = student.own_pieces.tolist()
        own = [
            weights["own"][places.index(piece)] if piece in places else torch.zeros(WIDTH)
            for piece in pieces
        ]
        readings = torch.relu(convolved + torch.stack(own))
    share = (readings @ weights["attention"]).softmax(0).repeat_interleave(WIDTH // HEADS, 1)
    pooled = torch.cat([readings.mean(0), readings.amax(0), (share * readings).sum(0)])
    hidden = torch.relu(pooled @ weights["hidden"] + torch.from_numpy(student.hidden_bias))
    return float(hidden @ weights["out"])


def test_score_is_a_convolution_pooled(student):
    expected = [expected_score(student, text) for text in TEXTS]
    assert student.score(TEXTS) == pytest.approx(expected, abs=1e-3)


def test_score_does_not_depend_on_the_company(student):
    many = TEXTS * 300
    alone = [student.score([text])[0] for text in TEXTS]
    assert student.score(many) == pytest.approx(alone * 300, abs=1e-4)


def test_pieces_met_earlier_are_remembered_and_change_nothing(student):
    rows = student._tables._n_rows
    first = student.score(["free now"])
    student.score(["word " + chr(letter) for letter in range(97, 123)])
    assert student._tables._n_rows >= rows
    grown = student._tables._n_rows
    assert student.score(["free now"]) == pytest.approx(first, abs=1e-6)
    assert student._tables._n_rows == grown


def test_nothing_to_score_gives_nothing(student):
    assert student.score([]).shape == (0,)


def test_share_of_known_words_is_told(student):
    texts = ["Free, now!", "free stuff", "stuff", ""]
    assert student.known_share(texts).tolist() == [1, 0.5, 0, 0]


@given(st.lists(st.text(max_size=50), max_size=5))
@settings(max_examples=40)
def test_any_text_gets_a_finite_score(student, texts):
    assert np.isfinite(student.score(texts)).all()
    assert ((student.known_share(texts) >= 0) & (student.known_share(texts) <= 1)).all()
