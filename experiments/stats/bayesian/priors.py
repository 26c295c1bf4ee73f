"""Priors of the Bayesian methods, each with its assumptions and its source."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeAlias

# Nothing measured on a website is near these; within them no square overflows twice.
LARGEST = 1e100


def _check_positive(name: str, value: float) -> None:
    if not 1 / LARGEST <= value <= LARGEST:
        msg = f"{name} must be a positive number, got {value}"
        raise ValueError(msg)


def _check_finite(name: str, value: float) -> None:
    if not abs(value) <= LARGEST:
        msg = f"{name} must be finite, got {value}"
        raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatPrior:
    """Every value of the lift (or effect) equally likely beforehand.

    >>> FlatPrior().label
    'flat'
    """

    source: str = "default"

    @property
    def label(self) -> str:
        """Return the prior in words, for the result."""
        return "flat"

    def scaled(self, factor: float) -> FlatPrior:
        """Return the same prior for `factor` times the quantity."""
        _check_positive("factor", factor)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalPrior:
    """Normal prior on the lift (or effect).

    Args:
        mean: Finite.
        sd: Standard deviation, positive.
        source: Origin of the numbers.

    Raises:
        ValueError: If a number is out of range.

    >>> NormalPrior(sd=0.3).label
    'normal(mean 0, sd 0.3)'
    """

    mean: float = 0.0
    sd: float
    source: str = "request"

    def __post_init__(self) -> None:
        _check_finite("prior mean", self.mean)
        _check_positive("prior sd", self.sd)

    @property
    def label(self) -> str:
        """Return the prior in words, for the result."""
        return f"normal(mean {self.mean:.4g}, sd {self.sd:.4g})"

    def scaled(self, factor: float) -> NormalPrior:
        """Return the prior of `factor` times the quantity.

        A prior on the lift becomes one on the effect with factor |control mean|.

        >>> NormalPrior(mean=0.1, sd=0.3).scaled(0.05).sd
        0.015
        """
        _check_positive("factor", factor)
        return replace(self, mean=self.mean * factor, sd=self.sd * factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaPrior:
    """Beta(a, b) prior on a click rate; a + b is its weight in visitors.

    Args:
        a: Prior clicks, at least 0.1 (1 is uniform, 0.5 is Jeffreys').
        b: Prior visitors without a click, at least 0.1.
        source: Origin of the numbers.

    Raises:
        ValueError: If a number is out of range.

    >>> BetaPrior().label
    'beta(1, 1)'
    """

    a: float = 1.0
    b: float = 1.0
    source: str = "default"

    def __post_init__(self) -> None:
        for name, value in (("prior a", self.a), ("prior b", self.b)):
            if not (math.isfinite(value) and value >= 0.1):
                msg = f"{name} must be finite and at least 0.1, got {value}"
                raise ValueError(msg)

    @property
    def label(self) -> str:
        """Return the prior in words, for the result."""
        return f"beta({self.a:.6g}, {self.b:.6g})"


Prior: TypeAlias = FlatPrior | NormalPrior
