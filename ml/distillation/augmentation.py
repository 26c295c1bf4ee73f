"""Makes new wordings from given ones, for a teacher to answer."""

from collections.abc import Sequence

import numpy as np


def vary(texts: Sequence[str], count: int, *, rng: np.random.Generator) -> list[str]:
    """Return new wordings made from given ones, each once.

    They are parts of one, one with words left out, the beginning of one with the end of another,
    or one with words of another in it: few make sense, all tell what the teacher thinks of words
    and of their neighbours.

    Args:
        texts: Wordings.
        count: How many to make, >= 0; fewer are returned where some are alike.
        rng: Source of draws.

    >>> vary(["Get my guide", "Try it for free"], 3, rng=np.random.default_rng(1))
    ['Get my guide', 'Try it for free', 'Get']
    """
    words = [text.split() for text in texts]
    long = [each for each in words if len(each) > 1]
    if not long:
        return []
    draws = rng.integers(len(long), size=(count, 2))
    kinds = rng.integers(len(_KINDS), size=count)
    made = (
        _KINDS[kind](long[first], long[second], rng)
        for kind, (first, second) in zip(kinds, draws, strict=True)
    )
    return list(dict.fromkeys(" ".join(each) for each in made if each))


def _part(words: list[str], _other: list[str], rng: np.random.Generator) -> list[str]:
    start, end = sorted(rng.choice(len(words) + 1, size=2, replace=False))
    return words[start:end]


def _leave_out(words: list[str], _other: list[str], rng: np.random.Generator) -> list[str]:
    stays = rng.random(len(words)) > rng.uniform(0.1, 0.5)
    return [word for word, stay in zip(words, stays, strict=True) if stay]


def _join(words: list[str], other: list[str], rng: np.random.Generator) -> list[str]:
    return words[: rng.integers(1, len(words))] + other[rng.integers(len(other)) :]


def _swap(words: list[str], other: list[str], rng: np.random.Generator) -> list[str]:
    drawn = rng.integers(len(other), size=len(words))
    swapped = rng.random(len(words)) < 0.25
    return [
        other[at] if swap else word for word, at, swap in zip(words, drawn, swapped, strict=True)
    ]


_KINDS = (_part, _leave_out, _join, _swap)
