"""A student of the predictor: a very small network, for very many wordings at once.

It is taught by the predictor's own scores, so it needs no clicks of its own and says what the
predictor says, a little less surely and a hundred times faster. It reads every word with its two
neighbours; all that a piece of a word can add is in a table, so that reading is looking up. Lists
are sorted with it; a choice among a handful is the predictor's. `ml.teaching` makes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

# Wordings at a time: what is looked up for them stays in the processor's cache.
CHUNK = 512


@dataclass(frozen=True, kw_only=True, eq=False)
class Student:
    """Tables and weights, and how to cut a text into pieces.

    Args:
        tables: What each piece adds to the reading of the next one, of itself and of the one
            before, float16 (pieces + 1, 3, h); the last row, of the edge of a text, is 0.
        hidden: From mean and largest reading of a text to its hidden layer, float32 (2 h, m).
        hidden_bias: Of that layer, float32 (m,).
        out: From that layer to the score, float32 (m,).
        tokenizer: What cuts a word into pieces, as `tokenizers` writes it.
        words: Words that the student was taught, in lower case.
        fidelity: Correlation with the teacher on wordings the student had not seen; None if
            either says the same of all.

    Source: a convolution over words with pooling, Kim (2014), "Convolutional neural networks for
    sentence classification", EMNLP.
    """

    tables: NDArray[np.float16]
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

    def _score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        cut: list[int] = []
        pieces, edge = self._pieces, len(self.tables) - 1
        lengths = np.empty(len(texts), dtype=np.int64)
        for at, text in enumerate(texts):
            before = len(cut)
            for word in text.split():
                cut += pieces[word]
            lengths[at] = len(cut) - before
            cut.append(edge)
        readings = self._readings(np.array([edge, *cut]))
        starts = np.concatenate([[0], np.cumsum(lengths + 1)[:-1]])
        mean = np.add.reduceat(readings, starts) / np.maximum(1, lengths)[:, None]
        pooled = np.hstack([mean, np.maximum.reduceat(readings, starts)], dtype=np.float32)
        hidden = np.maximum(pooled @ self.hidden + self.hidden_bias, 0)
        return np.asarray(hidden @ self.out)

    def _readings(self, cut: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return how every piece but the first reads between its neighbours; edges read 0."""
        known, place = np.unique(cut, return_inverse=True)
        before, own, after = self.tables[known].astype(np.float32).transpose(1, 0, 2)
        readings: NDArray[np.float32] = own[place[1:]]
        readings += before[place[:-1]]
        readings[:-1] += after[place[2:]]
        np.maximum(readings, 0, out=readings)
        readings[cut[1:] == len(self.tables) - 1] = 0
        return readings


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
