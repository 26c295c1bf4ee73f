"""Explanation of scores by occlusion: the drop when one word is removed."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A longer text is not explained: each of its words costs a scoring.
MAX_WORDS = 40

Score = Callable[[Sequence[str]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WordEffect:
    """One word and its effect.

    Args:
        word: The word as written, with adjacent punctuation.
        effect: Score of the full text less the score without the word.
    """

    word: str
    effect: float


def explain(texts: Sequence[str], score: Score) -> list[tuple[WordEffect, ...]]:
    """Return the effect of every word of every wording.

    Args:
        texts: Wordings; those of a single word, or of more than 40, are not explained.
        score: Function from texts to scores, float64 (n,).

    Returns:
        Effects in the order of the words; empty for unexplained wordings.

    Source: leave-one-out occlusion, Li, Monroe and Jurafsky (2016), arXiv 1612.08220.

    >>> def count_letters(texts):
    ...     return np.array([len(text) for text in texts], dtype=np.float64)
    >>> [(word.word, word.effect) for word in explain(["Go now"], count_letters)[0]]
    [('Go', 3.0), ('now', 4.0)]
    """
    words = [split_words(text) for text in texts]
    words = [row if 2 <= len(row) <= MAX_WORDS else [] for row in words]
    shortened = [without(row, {at}) for row in words for at in range(len(row))]
    full = [" ".join(row) for row in words]
    if not shortened:
        return [() for _ in texts]
    scores = score([*full, *shortened])
    effects, at = [], len(full)
    for number, row in enumerate(words):
        remaining = scores[at : at + len(row)]
        at += len(row)
        effects.append(
            tuple(
                WordEffect(word=word, effect=float(scores[number] - rest))
                for word, rest in zip(row, remaining, strict=True)
            )
        )
    return effects


def split_words(text: str) -> list[str]:
    """Return the words of a text; detached punctuation belongs to the word before it.

    Args:
        text: A wording.

    >>> split_words("Prêt ? Essayez")
    ['Prêt ?', 'Essayez']
    """
    words: list[str] = []
    for part in text.split():
        if words and not re.search(r"\w", part):
            words[-1] += f" {part}"
        else:
            words.append(part)
    return words


def without(words: Sequence[str], left_out: set[int]) -> str:
    """Return the text without some of its words.

    Args:
        words: The words.
        left_out: Positions of the words to remove.

    >>> without(["Get", "my", "guide"], {1})
    'Get guide'
    """
    return " ".join(word for at, word in enumerate(words) if at not in left_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionCheck:
    """Faithfulness of explanations, judged by deleting several words together.

    Half the words of each wording are deleted at once: those with the largest effects, or as many
    at random. A faithful explanation moves the score further.

    Args:
        wordings: Number of wordings checked.
        named: Mean drop of the score without the words with the largest effects.
        random: Mean drop without as many random words.
        gain: Mean of the difference.
        low: Lower end of its 95 % interval over wordings.
        high: Upper end.
    """

    wordings: int
    named: float
    random: float
    gain: float
    low: float
    high: float


def check_deletion(
    texts: Sequence[str], score: Score, *, rng: np.random.Generator, n_random: int = 5
) -> DeletionCheck | None:
    """Compare the drop from deleting the named words with that from deleting random ones.

    Args:
        texts: Wordings; those of fewer than four words are uninformative and left out.
        score: Function from texts to scores.
        rng: Random generator that draws the random words.
        n_random: Draws per wording.

    Returns:
        The check; None if fewer than two wordings can be checked.

    Source: DeYoung et al. (2020), "ERASER", comprehensiveness against a random baseline.
    """
    effects = [words for words in explain(texts, score) if len(words) >= 4]
    if len(effects) < 2:
        return None
    deleted: list[str] = []
    for row in effects:
        words, half = [effect.word for effect in row], len(row) // 2
        top = np.argsort([-effect.effect for effect in row])[:half]
        deleted += [" ".join(words), without(words, set(top.tolist()))]
        for _ in range(n_random):
            deleted.append(without(words, set(rng.permutation(len(words))[:half].tolist())))
    scores = score(deleted).reshape(len(effects), 2 + n_random)
    named, random = scores[:, 0] - scores[:, 1], scores[:, 0] - scores[:, 2:].mean(axis=1)
    gain = named - random
    reach = 1.96 * float(gain.std(ddof=1)) / np.sqrt(len(gain))
    return DeletionCheck(
        wordings=len(effects),
        named=float(named.mean()),
        random=float(random.mean()),
        gain=float(gain.mean()),
        low=float(gain.mean() - reach),
        high=float(gain.mean() + reach),
    )
