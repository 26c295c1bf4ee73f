"""Learning curves: accuracy by number of past contrast groups, and how much data transfer saves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ml.checkpoints import Keep, keep_nothing
from ml.dataset.contrast_groups import Arms, ContrastGroup, stack_arms
from ml.dataset.pairs import pair_arms
from ml.evaluation.bootstrap import N_DRAWS, Estimate, interval
from ml.evaluation.cross_validation import kept_scores, make_folds
from ml.progress import Progress, no_progress
from ml.strategies.base import Strategy

# One fold in so many judges, the others teach.
N_FOLDS = 5
SMALLEST = 25
# Points at the end of a curve that tell how it goes on.
N_LAST = 3

Scores = NDArray[np.float64]
# Hits and decided pairs of each judged group, float64 (g, 2).
Cell = NDArray[np.float64]
# By strategy, training groups and split.
Cells = Mapping[tuple[str, int, int], Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePlan:
    """Plan of the learning curve of one strategy.

    Args:
        strategy: The strategy.
        sizes: Training groups, rising, each >= 1.
    """

    strategy: Strategy
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Groups that judge, and those that may teach.

    Args:
        judged: Arms of one fold of the groups.
        teaching: The groups of the other folds, in random order.
    """

    judged: Arms
    teaching: tuple[ContrastGroup, ...]


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
    """Number of groups a strategy needs to match a baseline trained on many.

    Args:
        baseline: Key of the baseline.
        baseline_groups: Groups that taught it.
        accuracy: Accuracy to match.
        groups_needed: Groups from which the strategy learns as much, between the smallest and
            the largest size that was measured.
        ratio: `baseline_groups` over these, with a 95 % interval over groups.
    """

    baseline: str
    baseline_groups: int
    accuracy: float
    groups_needed: float
    ratio: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Gain of each doubling of the past contrasts at the end of a curve.

    Args:
        sizes: Training groups of the last points, through which a line is drawn; rising.
        per_doubling: Gain of accuracy, with a 95 % interval over groups.
    """

    sizes: tuple[int, ...]
    per_doubling: Estimate


def make_splits(groups: Sequence[ContrastGroup], *, n_splits: int, seed: int) -> tuple[Split, ...]:
    """Return several leak-safe splits by connected component: in each, one fold in five judges.

    Args:
        groups: Contrast groups, none suspect.
        n_splits: Number of splits, >= 1.
        seed: Seed of the splits, >= 0.

    Raises:
        ValueError: If there are fewer connected components than folds.
        LeakError: If a split shares a test, an asset or a wording between its sides.
    """
    return tuple(_split(groups, np.random.default_rng(seed + split)) for split in range(n_splits))


def curve_sizes(splits: Sequence[Split]) -> tuple[int, ...]:
    """Return 25, 50, 100 ... groups up to what may teach in every split.

    A component is never cut, so splits differ a little: from 200 on, whole hundreds.

    Args:
        splits: From `make_splits`, at least one.

    >>> nobody = Arms(texts=(), group=np.empty(0), visitors=np.empty(0), clicks=np.empty(0))
    >>> curve_sizes([Split(judged=nobody, teaching=(None,) * 1146)])
    (25, 50, 100, 200, 400, 800, 1100)
    >>> curve_sizes([Split(judged=nobody, teaching=(None,) * 16)])
    (16,)
    """
    n_teaching = min(len(split.teaching) for split in splits)
    largest = n_teaching - n_teaching % 100 if n_teaching > 200 else n_teaching
    sizes = [SMALLEST * 2**step for step in range(20) if SMALLEST * 2**step < largest]
    return (*sizes, largest)


def measure_curves(
    plans: Sequence[CurvePlan],
    splits: Sequence[Split],
    *,
    keep: Keep = keep_nothing,
    progress: Progress = no_progress,
) -> Cells:
    """Return what every strategy got right on judged groups, for each size and split.

    A strategy learns from the first groups of the teaching ones, so that sizes are nested and
    curves paired.

    Args:
        plans: Strategies and sizes; the members of a stack before the stack.
        splits: From `make_splits`.
        keep: Keeps scores by strategy, size and split.
        progress: Told the fraction done, by the groups that were learned from.

    Raises:
        ValueError: If a size is larger than what may teach.
    """
    wanted = [(plan.strategy, size) for plan in plans for size in plan.sizes]
    work = len(splits) * sum(size for _, size in wanted)
    cells: dict[tuple[str, int, int], Cell] = {}
    done = 0
    for number, split in enumerate(splits):
        for strategy, size in wanted:
            if size > len(split.teaching):
                raise ValueError(
                    f"sizes: {size} groups cannot teach, there are {len(split.teaching)}"
                )
            score = partial(_score, stack_arms(split.teaching[:size]), split.judged)
            scores = kept_scores(strategy, f"{size}-{number}", score, keep=keep)
            cells[strategy.name, size, number] = _hits(split.judged, scores)
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


def growth(cells: Cells, name: str) -> Growth | None:
    """Return the gain of accuracy with each doubling, by least squares over the last points.

    The line runs over the logarithm of the size, on which the curve of a learner bends least; the
    interval is that of the same draws of groups at every size, so what they share cancels.

    Args:
        cells: From `measure_curves`.
        name: Key of the strategy.

    Returns:
        The gain; None for a curve of a single size.
    """
    sizes = _sizes(cells, name)[-N_LAST:]
    if len(sizes) < 2:
        return None
    centred = np.log2(sizes) - np.mean(np.log2(sizes))
    weights = centred / (centred @ centred)
    measured = [_accuracy(cells, name, size) for size in sizes]
    value = float(weights @ [each for each, _ in measured])
    draws = weights @ np.array([drawn for _, drawn in measured])
    return Growth(sizes=tuple(sizes), per_doubling=interval(value, draws, level=0.95))


def _split(groups: Sequence[ContrastGroup], rng: np.random.Generator) -> Split:
    fold = make_folds(groups, N_FOLDS, rng=rng).fold
    judged = np.flatnonzero(fold == 0).tolist()
    teaching = rng.permutation(np.flatnonzero(fold != 0)).tolist()
    return Split(
        judged=stack_arms([groups[at] for at in judged]),
        teaching=tuple(groups[at] for at in teaching),
    )


def _score(training: Arms, judged: Arms, strategy: Strategy, progress: Progress) -> Scores:
    return strategy.fit(training, progress=progress).score(judged.texts)


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
