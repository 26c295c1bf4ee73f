"""Student of the predictor: a very small network, for very many wordings at once.

It is trained on the predictor's scores, without clicks, and approximates them a hundred times
faster. It convolves every word piece with its two neighbours and pools with attention; the
contributions of a piece are computed once, so that the convolution is a table look-up. It sorts
long lists; a choice among a few wordings is left to the predictor. `ml.distillation.distil`
trains it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

# Wordings at a time: the rows looked up for them fit the processor's cache.
CHUNK = 128
# Attention logit of an edge: negligible beside any reading.
EDGE_LOGIT = np.float32(-1e4)


@dataclass(frozen=True, kw_only=True, eq=False)
class Student:
    """Vectors, weights and tokenizer of a student.

    Args:
        vectors: Input vector of each piece, not trained, float16 (pieces, d).
        reads: Contribution of a vector to the reading of the next piece, of its own and of the
            previous one, float32 (3, d, h).
        reads_bias: Bias of every reading, float32 (h,).
        own: Additional contribution of some pieces to their own reading, float16 (k, h).
        own_pieces: Indices of these pieces, int32 (k,), increasing.
        attention: Attention weights, from readings to heads, float32 (h, heads); each head pools
            its own h / heads columns of the readings.
        hidden: Weights from the mean of the readings, their maximum and the heads' pools to the
            hidden layer, float32 (3 h, m).
        hidden_bias: Bias of that layer, float32 (m,).
        out: Weights from that layer to the score, float32 (m,).
        tokenizer: Word-piece tokenizer, as serialised by `tokenizers`.
        words: Words of the student's training texts, in lower case.
        fidelity: Correlation with the teacher on held-out wordings; None if the scores of either
            are constant.

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
        """Return approximate scores of the predictor, up to a constant, float64 (n,)."""
        scores = np.empty(len(texts), dtype=np.float64)
        for start in range(0, len(texts), CHUNK):
            scores[start : start + CHUNK] = self._score(texts[start : start + CHUNK])
        return scores

    def known_share(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the share of each text's words that occurred in training, in [0, 1]."""
        words = (split(text) for text in texts)
        shares = (sum(word in self.words for word in row) / max(1, len(row)) for row in words)
        return np.fromiter(shares, dtype=np.float64, count=len(texts))

    @cached_property
    def _pieces(self) -> "Pieces":
        return Pieces(self.tokenizer)

    @cached_property
    def _tables(self) -> "_Tables":
        return _Tables(self)

    def _score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        piece_ids: list[int] = []
        pieces, edge = self._pieces, len(self.vectors)
        lengths = np.empty(len(texts), dtype=np.int64)
        for at, text in enumerate(texts):
            start = len(piece_ids)
            for word in text.split():
                piece_ids += pieces[word]
            lengths[at] = len(piece_ids) - start
            piece_ids.append(edge)
        readings, is_edge = self._readings(np.array([edge, *piece_ids]))
        starts = np.concatenate([[0], np.cumsum(lengths + 1)[:-1]])
        mean = np.add.reduceat(readings, starts) / np.maximum(1, lengths)[:, None]
        largest = np.maximum.reduceat(readings, starts)
        attended = self._attended(readings, is_edge, starts)
        pooled = np.hstack([mean, largest, attended], dtype=np.float32)
        hidden = np.maximum(pooled @ self.hidden + self.hidden_bias, 0)
        return np.asarray(hidden @ self.out)

    def _readings(
        self, piece_ids: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return the readings of all pieces but the first, and the mask of edges, which read 0."""
        (to_next, own, to_previous), rows = self._tables.rows(piece_ids)
        readings = own[rows[1:]]
        readings += to_next[rows[:-1]]
        readings[:-1] += to_previous[rows[2:]]
        np.maximum(readings, 0, out=readings)
        is_edge = piece_ids[1:] == len(self.vectors)
        readings[is_edge] = 0
        return readings, is_edge

    def _attended(
        self,
        readings: NDArray[np.float32],
        is_edge: NDArray[np.bool_],
        starts: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Return the attention-weighted means of the readings, (n, h)."""
        sizes = np.diff(starts, append=len(readings))
        logits = readings @ self.attention
        logits[is_edge] = EDGE_LOGIT
        logits -= np.repeat(np.maximum.reduceat(logits, starts), sizes, axis=0)
        weights = np.exp(logits)
        weights[is_edge] = 0
        weighted = readings.reshape(*weights.shape, -1) * weights[:, :, None]
        sums = np.add.reduceat(weighted.reshape(readings.shape), starts)
        total = np.maximum(np.add.reduceat(weights, starts), np.finfo(np.float32).tiny)
        shared = sums.reshape(*total.shape, -1) / total[:, :, None]
        return np.asarray(shared.reshape(sums.shape))


class _Tables:
    """Contributions of the pieces seen so far to readings; the first row, the edge's, is 0."""

    def __init__(self, student: Student) -> None:
        self._student = student
        self._place = np.full(len(student.vectors) + 1, -1)
        self._place[-1] = 0
        self._n_rows = 1
        self._rows = np.zeros((3, 1, len(student.reads_bias)), dtype=np.float32)

    def rows(self, piece_ids: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the rows of previous, same and next piece, and the index of each piece in them."""
        unseen = np.unique(piece_ids[self._place[piece_ids] < 0])
        if len(unseen):
            self._add(unseen)
        return self._rows, self._place[piece_ids]

    def _add(self, pieces: NDArray[np.int64]) -> None:
        student, end = self._student, self._n_rows + len(pieces)
        contributions = student.vectors[pieces].astype(np.float32) @ student.reads
        # Row 0 is the contribution to the next piece's reading, row 1 that to the piece's own.
        contributions[1] += student.reads_bias
        has_own = np.isin(pieces, student.own_pieces)
        contributions[1][has_own] += student.own[
            np.searchsorted(student.own_pieces, pieces[has_own])
        ]
        if end > self._rows.shape[1]:
            grown = np.zeros((3, 2 * end, self._rows.shape[2]), dtype=np.float32)
            grown[:, : self._n_rows] = self._rows[:, : self._n_rows]
            self._rows = grown
        self._rows[:, self._n_rows : end] = contributions
        self._place[pieces] = np.arange(self._n_rows, end)
        self._n_rows = end


class Pieces(dict[str, list[int]]):
    """Cache of the pieces of every word; a word is tokenised once.

    Args:
        tokenizer: Word-piece tokenizer, as serialised by `tokenizers`.
    """

    def __init__(self, tokenizer: str) -> None:
        super().__init__()
        self._tokenizer = Tokenizer.from_str(tokenizer)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def __missing__(self, word: str) -> list[int]:
        pieces: list[int] = self._tokenizer.encode(word, add_special_tokens=False).ids
        self[word] = pieces
        return pieces


def split(text: str) -> list[str]:
    """Return the words of a text in lower case, without surrounding punctuation.

    Args:
        text: A wording.

    >>> split("Get my FREE guide, now!")
    ['get', 'my', 'free', 'guide', 'now']
    """
    words = (word.strip(".,;:!?…\"'«»“”‘’()[]-–—") for word in text.lower().split())  # noqa: RUF001
    return [word for word in words if word]
