"""Learning curves: accuracy by number of past contrast groups, and how much data transfer saves."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ml.checkpoints import Keep, keep_nothing
from ml.dataset.groups import Arms, ContrastGroup, stack_arms
from ml.dataset.pairs import pair_arms
from ml.dataset.splits import assign_folds, connect_groups
from ml.embedding import Progress, no_progress
from ml.evaluation.estimates import N_DRAWS, Estimate, interval
from ml.strategies.contract import Strategy
from ml.strategies.stack import Stack

# One fold in so many judges, the others teach.
N_FOLDS = 5
SMALLEST = 25

Scores = NDArray[np.float64]
# Hits and decided pairs of each judged group, float64 (g, 2).
Cell = NDArray[np.float64]
# By strategy, training groups and split.
Cells = Mapping[tuple[str, int, int], Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How the curve of one strategy is measured.

    Args:
        strategy: The strategy.
        sizes: Training groups, rising, each >= 1.
        n_splits: Splits into judged and training groups, >= 1.
    """

    strategy: Strategy
    sizes: tuple[int, ...]
    n_splits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A point of a curve.

    Args:
        groups: Contrast groups that taught.
        accuracy: On all pairs of the judged groups, with a 95 % interval over groups.
    """

    groups: int
    accuracy: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSaving:
    """How many groups a strategy needs for what a baseline learns from many.

    Args:
        baseline: Key of the baseline.
        baseline_groups: Groups that taught it.
        accuracy: What it learned.
        groups_needed: Groups from which the strategy learns as much, between the smallest and
            the largest size that was measured.
        ratio: `baseline_groups` over these, with a 95 % interval over groups.
    """

    baseline: str
    baseline_groups: int
    accuracy: float
    groups_needed: float
    ratio: Estimate


def curve_sizes(n_teaching: int) -> tuple[int, ...]:
    """Return 25, 50, 100 ... groups up to what may teach, in whole hundreds from 200 on.

    Args:
        n_teaching: Contrast groups that may teach, >= 1: see `count_teaching`.

    >>> curve_sizes(1146)
    (25, 50, 100, 200, 400, 800, 1100)
    >>> curve_sizes(16)
    (16,)
    """
    largest = n_teaching - n_teaching % 100 if n_teaching > 200 else n_teaching
    sizes = [SMALLEST * 2**step for step in range(20) if SMALLEST * 2**step < largest]
    return (*sizes, largest)


def count_teaching(groups: Sequence[ContrastGroup], *, n_splits: int, seed: int) -> int:
    """Return how many groups may teach in every split; a component is never cut, so they differ.

    Args:
        groups: Contrast groups.
        n_splits: Splits, >= 1.
        seed: Seed of the splits, >= 0.
    """
    components = connect_groups(groups)
    return min(
        len(_split(groups, components, np.random.default_rng(seed + split))[1])
        for split in range(n_splits)
    )


def measure_curves(
    plans: Sequence[Plan],
    groups: Sequence[ContrastGroup],
    *,
    seed: int,
    keep: Keep = keep_nothing,
    progress: Progress = no_progress,
) -> Cells:
    """Return what every strategy got right on judged groups, for each size and split.

    In each split one fold in five, by connected component, judges; of the others a strategy
    learns from the first so many, in one random order, so that sizes are nested and curves paired.

    Args:
        plans: Strategies, sizes and splits; the members of a stack before the stack.
        groups: Contrast groups, none suspect.
        seed: Seed of the splits, >= 0.
        keep: Keeps scores by strategy, size and split.
        progress: Told the fraction done, by the groups that were learned from.

    Raises:
        ValueError: If a size is larger than what may teach.
    """
    components = connect_groups(groups)
    work = sum(sum(plan.sizes) * plan.n_splits for plan in plans)
    cells: dict[tuple[str, int, int], Cell] = {}
    done = 0
    for split in range(max(plan.n_splits for plan in plans)):
        judged, teaching = _split(groups, components, np.random.default_rng(seed + split))
        arms = stack_arms(judged)
        for plan, size in _cells_of(plans, split):
            if size > len(teaching):
                raise ValueError(f"sizes: {size} groups cannot teach, there are {len(teaching)}")
            kept = partial(_keep_as, keep, f"{size}-{split}")
            scores = _scores(plan.strategy, stack_arms(teaching[:size]), arms, kept)
            cells[plan.strategy.name, size, split] = _hits(arms, scores)
            done += size
            progress(done / work)
    return cells


def curve(cells: Cells, name: str) -> tuple[Point, ...]:
    """Return the learning curve of a strategy.

    Args:
        cells: From `measure_curves`.
        name: Key of the strategy.
    """
    return tuple(
        Point(groups=size, accuracy=interval(accuracy, draws, level=0.95))
        for size in _sizes(cells, name)
        for accuracy, draws in [_accuracy(cells, name, size)]
    )


def data_saving(cells: Cells, name: str, *, baseline: str, baseline_groups: int) -> DataSaving:
    """Return how many groups a strategy needs for a baseline's accuracy.

    Args:
        cells: From `measure_curves`.
        name: Key of the strategy.
        baseline: Key of the baseline.
        baseline_groups: Groups that taught it, one of its sizes.
    """
    goal, goal_draws = _accuracy(cells, baseline, baseline_groups)
    sizes = _sizes(cells, name)
    measured = [_accuracy(cells, name, size) for size in sizes]
    needed = _groups_for(goal, sizes, [value for value, _ in measured])
    drawn = np.array(
        [
            _groups_for(goal_draws[at], sizes, [draws[at] for _, draws in measured])
            for at in range(N_DRAWS)
        ]
    )
    return DataSaving(
        baseline=baseline,
        baseline_groups=baseline_groups,
        accuracy=goal,
        groups_needed=needed,
        ratio=interval(baseline_groups / needed, baseline_groups / drawn, level=0.95),
    )


def _split(
    groups: Sequence[ContrastGroup], components: NDArray[np.int64], rng: np.random.Generator
) -> tuple[list[ContrastGroup], list[ContrastGroup]]:
    """Return judged and teaching groups, the latter in random order."""
    fold = assign_folds(components, N_FOLDS, rng=rng)
    judged = [groups[at] for at in np.flatnonzero(fold == 0).tolist()]
    return judged, [groups[at] for at in rng.permutation(np.flatnonzero(fold != 0)).tolist()]


def _cells_of(plans: Sequence[Plan], split: int) -> Iterator[tuple[Plan, int]]:
    for plan in plans:
        for size in plan.sizes if split < plan.n_splits else ():
            yield plan, size


def _keep_as(keep: Keep, cell: str, name: str, make: Callable[[], Scores]) -> Scores:
    return keep(f"{name}-{cell}", make)


def _scores(strategy: Strategy, training: Arms, judged: Arms, keep: Keep) -> Scores:
    if isinstance(strategy, Stack):
        said = [_scores(member, training, judged, keep) for member in strategy.members]
        return strategy.combine(said)
    return keep(strategy.name, lambda: strategy.fit(training).score(judged.texts))


def _hits(arms: Arms, scores: Scores) -> Cell:
    pairs = pair_arms(arms)
    gap = scores[pairs.first] - scores[pairs.second]
    hits = np.where(gap == 0, 0.5, (gap > 0) == pairs.first_won)
    return np.stack(
        [np.bincount(pairs.group, each, arms.n_groups) for each in (hits, np.ones(len(pairs)))],
        axis=1,
    )


def _sizes(cells: Cells, name: str) -> list[int]:
    return sorted({size for strategy, size, _ in cells if strategy == name})


def _accuracy(cells: Cells, name: str, size: int) -> tuple[float, NDArray[np.float64]]:
    """Return the accuracy over all splits, and bootstrap draws of it: the same for every cell."""
    rng = np.random.default_rng(0)
    top, bottom = np.zeros(N_DRAWS + 1), np.zeros(N_DRAWS + 1)
    splits = sorted(split for *cell, split in cells if cell == [name, size])
    for split in splits:
        cell = cells[name, size, split]
        counts = rng.multinomial(len(cell), np.full(len(cell), 1 / len(cell)), size=N_DRAWS)
        sums = np.concatenate([np.ones((1, len(cell))), counts]) @ cell
        top, bottom = top + sums[:, 0], bottom + sums[:, 1]
    with np.errstate(invalid="ignore"):  # a draw without decided pairs
        accuracy = top / bottom
    return float(accuracy[0]), accuracy[1:]


def _groups_for(goal: float, sizes: Sequence[int], accuracies: Sequence[float]) -> float:
    """Return the groups at which a curve reaches a goal, interpolated on the log scale.

    A curve that starts above it needs no more than the smallest size; one that never reaches it
    is given the largest.
    """
    rising = np.maximum.accumulate(accuracies)
    if goal <= rising[0]:
        return float(sizes[0])
    if goal > rising[-1]:
        return float(sizes[-1])
    at = int(np.searchsorted(rising, goal))
    share = (goal - rising[at - 1]) / (rising[at] - rising[at - 1])
    low, high = np.log(sizes[at - 1]), np.log(sizes[at])
    return float(np.exp(low + share * (high - low)))
