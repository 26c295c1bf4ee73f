"""Contrasts of a past test: its wordings with a trait against those without it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Arm = Mapping[str, Any]
# Numbers below are no variance: a file may say anything.
LEAST_VARIANCE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Difference of log results, with its standard error."""

    log: float
    se: float


def contrast_of(arms: Sequence[Arm], has: Callable[[Arm], bool]) -> Contrast | None:
    """Return the log result of the arms with a trait minus that of the others.

    Each side is the mean of its arms weighted by their precision, as in
    `ml.evaluation.principle_effects`.

    Args:
        arms: Entries of `PastTest.arms`.
        has: Condition for the side with the trait.

    Returns:
        The difference; None if a side has no arm with a result.
    """
    sides: tuple[list[Arm], list[Arm]] = [], []
    for arm in arms:
        if arm["log"] is not None and (arm["variance"] or 0) >= LEAST_VARIANCE:
            sides[0 if has(arm) else 1].append(arm)
    if not all(sides):
        return None
    (with_it, its), (without, other) = (_mean(side) for side in sides)
    return Contrast(log=with_it - without, se=math.sqrt(its + other))


def new_wordings_of(arms: Sequence[Arm]) -> Contrast | None:
    """Return the log lift of the new wordings together; None for an A/A test or without control."""
    controls = {arm["text"] for arm in arms if arm["is_control"]}
    rivals = [arm for arm in arms if arm["is_control"] or arm["text"] not in controls]
    return contrast_of(rivals, lambda arm: not arm["is_control"]) if controls else None


def _mean(side: Sequence[Arm]) -> tuple[float, float]:
    """Return the precision-weighted mean of logs and its variance."""
    weights = [1 / arm["variance"] for arm in side]
    total = sum(weights)
    mean = sum(weight * arm["log"] for weight, arm in zip(weights, side, strict=True)) / total
    return mean, 1 / total
