import numpy as np
import pytest
import torch  # noqa: TID253 - an independent value
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.student import Pieces, Student
from tests.ml.conftest import TINY_ENCODER

TOKENIZER = (TINY_ENCODER / "tokenizer.json").read_text(encoding="utf-8")
TEXTS = ["Get my free guide now", "free", "", "Découvrir l'offre 🎉", "free free free"]
WIDTH, HIDDEN = 5, 4


@pytest.fixture(scope="module")
def student():
    """Any weights: what is tested is how they are used."""
    rng = np.random.default_rng(3)
    n_pieces = Pieces(TOKENIZER)._tokenizer.get_vocab_size()
    tables = rng.normal(size=(n_pieces + 1, 3, WIDTH)).astype(np.float16)
    tables[-1] = 0
    return Student(
        tables=tables,
        hidden=rng.normal(size=(2 * WIDTH, HIDDEN)).astype(np.float32),
        hidden_bias=rng.normal(size=HIDDEN).astype(np.float32),
        out=rng.normal(size=HIDDEN).astype(np.float32),
        tokenizer=TOKENIZER,
        words=frozenset({"free", "now"}),
        fidelity=None,
    )


def expected_score(student, text):
    """Convolve as torch does: the last tap reads the piece after, the first the piece before."""
    pieces = [piece for word in text.split() for piece in student._pieces[word]]
    tables = torch.from_numpy(student.tables.astype(np.float32))
    readings = torch.zeros(max(1, len(pieces)), WIDTH)
    for at, piece in enumerate(pieces):
        total = tables[piece, 1].clone()
        if at:
            total += tables[pieces[at - 1], 0]
        if at + 1 < len(pieces):
            total += tables[pieces[at + 1], 2]
        readings[at] = torch.relu(total)
    pooled = torch.cat([readings.mean(0), readings.amax(0)])
    weights = [torch.from_numpy(each) for each in (student.hidden, student.hidden_bias)]
    hidden = torch.relu(pooled @ weights[0] + weights[1])
    return float(hidden @ torch.from_numpy(student.out))


def test_score_is_a_convolution_pooled(student):
    expected = [expected_score(student, text) for text in TEXTS]
    assert student.score(TEXTS) == pytest.approx(expected, abs=1e-4)


def test_score_does_not_depend_on_the_company(student):
    many = TEXTS * 300
    alone = [student.score([text])[0] for text in TEXTS]
    assert student.score(many) == pytest.approx(alone * 300, abs=1e-4)


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
