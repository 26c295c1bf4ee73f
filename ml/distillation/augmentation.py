"""Data augmentation: new wordings made from given ones, for the teacher to score."""

from collections.abc import Sequence

import numpy as np


def vary(texts: Sequence[str], count: int, *, rng: np.random.Generator) -> list[str]:
    """Return new wordings made from given ones, each once.

    A new wording is a part of one, one with words left out, the beginning of one with the end of
    another, or one with words of another in it. Few make sense, but their scores show the
    teacher's response to words and their neighbours.

    Args:
        texts: Wordings.
        count: Number of draws, >= 0; fewer are returned if some are equal.
        rng: Source of draws.

    >>> vary(["Get my guide", "Try it for free"], 3, rng=np.random.default_rng(1))
    ['Get my guide', 'Try it for free', 'Get']
    """
    words = [text.split() for text in texts]
    long = [parts for parts in words if len(parts) > 1]
    if not long:
        return []
    draws = rng.integers(len(long), size=(count, 2))
    kinds = rng.integers(len(_KINDS), size=count)
    variations = (
        _KINDS[kind](long[first], long[second], rng)
        for kind, (first, second) in zip(kinds, draws, strict=True)
    )
    return list(dict.fromkeys(" ".join(variation) for variation in variations if variation))


def _part(words: list[str], _other: list[str], rng: np.random.Generator) -> list[str]:
    start, end = sorted(rng.choice(len(words) + 1, size=2, replace=False))
    return words[start:end]


def _leave_out(words: list[str], _other: list[str], rng: np.random.Generator) -> list[str]:
    stays = rng.random(len(words)) > rng.uniform(0.1, 0.5)
    return [word for word, stay in zip(words, stays, strict=True) if stay]


def _join(words: list[str], other: list[str], rng: np.random.Generator) -> list[str]:
    return words[: rng.integers(1, len(words))] + other[rng.integers(len(other)) :]


def _swap(words: list[str], other: list[str], rng: np.random.Generator) -> list[str]:
    places = rng.integers(len(other), size=len(words))
    swapped = rng.random(len(words)) < 0.25
    return [
        other[at] if swap else word for word, at, swap in zip(words, places, swapped, strict=True)
    ]


_KINDS = (_part, _leave_out, _join, _swap)
