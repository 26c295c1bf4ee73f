"""A student of the predictor: a very small network, for very many wordings at once.

It is taught by the predictor's own scores, so it needs no clicks of its own and says what the
predictor says, a little less surely and a hundred times faster. It reads every piece of a word with
its two neighbours and decides what of it matters; all that a piece can add is worked out once, so
that reading is looking up. Lists are sorted with it; a choice among a handful is the predictor's.
`ml.distillation.distil` makes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

# Wordings at a time: what is looked up for them stays in the processor's cache.
CHUNK = 128
# How much an edge matters, beside any reading.
NOTHING = np.float32(-1e4)


@dataclass(frozen=True, kw_only=True, eq=False)
class Student:
    """Vectors and weights, and how to cut a text into pieces.

    Args:
        vectors: What each piece is before anything was taught, float16 (pieces, d).
        reads: What a vector adds to the reading of the next piece, of its own and of the one
            before, float32 (3, d, h).
        reads_bias: Of every reading, float32 (h,).
        own: What some pieces add to their own reading beside that, float16 (k, h).
        own_pieces: Which ones, int32 (k,), rising.
        attention: How much each reading matters to each head, float32 (h, heads); a head pools
            its own h / heads numbers of the readings.
        hidden: From the mean of the readings, the largest and what the heads pool, to the hidden
            layer, float32 (3 h, m).
        hidden_bias: Of that layer, float32 (m,).
        out: From that layer to the score, float32 (m,).
        tokenizer: What cuts a word into pieces, as `tokenizers` writes it.
        words: Words that the student was taught, in lower case.
        fidelity: Correlation with the teacher on wordings the student had not seen; None if
            either says the same of all.

    Source: a convolution over words with pooling, Kim (2014), "Convolutional neural networks for
    sentence classification", EMNLP; attention in place of recurrence to pool, Lin et al. (2017),
    "A structured self-attentive sentence embedding", ICLR, arXiv 1703.03130.
    """

    vectors: NDArray[np.float16]
    reads: NDArray[np.float32]
    reads_bias: NDArray[np.float32]
    own: NDArray[np.float16]
    own_pieces: NDArray[np.int32]
    attention: NDArray[np.float32]
    hidden: NDArray[np.float32]
    hidden_bias: NDArray[np.float32]
    out: NDArray[np.float32]
    tokenizer: str
    words: frozenset[str]
    fidelity: float | None

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return what the predictor would say, about, up to a constant, float64 (n,)."""
        scores = np.empty(len(texts), dtype=np.float64)
        for start in range(0, len(texts), CHUNK):
            scores[start : start + CHUNK] = self._score(texts[start : start + CHUNK])
        return scores

    def known_share(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the share of each text's words that the student was taught, in [0, 1]."""
        words = (split(text) for text in texts)
        shares = (sum(word in self.words for word in each) / max(1, len(each)) for each in words)
        return np.fromiter(shares, dtype=np.float64, count=len(texts))

    @cached_property
    def _pieces(self) -> "Pieces":
        return Pieces(self.tokenizer)

    @cached_property
    def _tables(self) -> "_Tables":
        return _Tables(self)

    def _score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        cut: list[int] = []
        pieces, edge = self._pieces, len(self.vectors)
        lengths = np.empty(len(texts), dtype=np.int64)
        for at, text in enumerate(texts):
            before = len(cut)
            for word in text.split():
                cut += pieces[word]
            lengths[at] = len(cut) - before
            cut.append(edge)
        readings, is_edge = self._readings(np.array([edge, *cut]))
        starts = np.concatenate([[0], np.cumsum(lengths + 1)[:-1]])
        mean = np.add.reduceat(readings, starts) / np.maximum(1, lengths)[:, None]
        largest = np.maximum.reduceat(readings, starts)
        attended = self._attended(readings, is_edge, starts)
        pooled = np.hstack([mean, largest, attended], dtype=np.float32)
        hidden = np.maximum(pooled @ self.hidden + self.hidden_bias, 0)
        return np.asarray(hidden @ self.out)

    def _readings(self, cut: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return how every piece but the first reads between its neighbours, and which are edges.

        Edges read 0.
        """
        (before, own, after), place = self._tables.rows(cut)
        readings = own[place[1:]]
        readings += before[place[:-1]]
        readings[:-1] += after[place[2:]]
        np.maximum(readings, 0, out=readings)
        is_edge = cut[1:] == len(self.vectors)
        readings[is_edge] = 0
        return readings, is_edge

    def _attended(
        self,
        readings: NDArray[np.float32],
        is_edge: NDArray[np.bool_],
        starts: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Return the mean of the readings by how much each matters to each head, (n, h)."""
        sizes = np.diff(starts, append=len(readings))
        matters = readings @ self.attention
        matters[is_edge] = NOTHING
        matters -= np.repeat(np.maximum.reduceat(matters, starts), sizes, axis=0)
        share = np.exp(matters)
        share[is_edge] = 0
        of_heads = readings.reshape(*share.shape, -1) * share[:, :, None]
        sums = np.add.reduceat(of_heads.reshape(readings.shape), starts)
        whole = np.maximum(np.add.reduceat(share, starts), np.finfo(np.float32).tiny)
        shared = sums.reshape(*whole.shape, -1) / whole[:, :, None]
        return np.asarray(shared.reshape(sums.shape))


class _Tables:
    """What each piece met so far adds to readings; the first row is that of the edge: nothing."""

    def __init__(self, student: Student) -> None:
        self._student = student
        self._place = np.full(len(student.vectors) + 1, -1)
        self._place[-1] = 0
        self._n_rows = 1
        self._rows = np.zeros((3, 1, len(student.reads_bias)), dtype=np.float32)

    def rows(self, cut: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return rows for the piece before, the own and the one after, and where each piece is."""
        unmet = np.unique(cut[self._place[cut] < 0])
        if len(unmet):
            self._meet(unmet)
        return self._rows, self._place[cut]

    def _meet(self, pieces: NDArray[np.int64]) -> None:
        student, end = self._student, self._n_rows + len(pieces)
        made = student.vectors[pieces].astype(np.float32) @ student.reads
        # What the next piece hears comes first, its own reading second.
        made[1] += student.reads_bias
        known = np.isin(pieces, student.own_pieces)
        made[1][known] += student.own[np.searchsorted(student.own_pieces, pieces[known])]
        if end > self._rows.shape[1]:
            grown = np.zeros((3, 2 * end, self._rows.shape[2]), dtype=np.float32)
            grown[:, : self._n_rows] = self._rows[:, : self._n_rows]
            self._rows = grown
        self._rows[:, self._n_rows : end] = made
        self._place[pieces] = np.arange(self._n_rows, end)
        self._n_rows = end


class Pieces(dict[str, list[int]]):
    """The pieces of every word met so far; a word is cut once.

    Args:
        tokenizer: What cuts, as `tokenizers` writes it.
    """

    def __init__(self, tokenizer: str) -> None:
        super().__init__()
        self._tokenizer = Tokenizer.from_str(tokenizer)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def __missing__(self, word: str) -> list[int]:
        found: list[int] = self._tokenizer.encode(word, add_special_tokens=False).ids
        self[word] = found
        return found


def split(text: str) -> list[str]:
    """Return the words of a text in lower case, without the marks around them.

    Args:
        text: A wording.

    >>> split("Get my FREE guide, now!")
    ['get', 'my', 'free', 'guide', 'now']
    """
    words = (word.strip(".,;:!?…\"'«»“”‘’()[]-–—") for word in text.lower().split())  # noqa: RUF001
    return [word for word in words if word]
