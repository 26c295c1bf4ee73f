"""Learning curves of the strategies on the Upworthy archive, and how much data transfer saves.

For each of some splits by connected component a fifth of the groups is kept to judge; strategies
learn from 25, 50, 100 ... of the others, nested, so that curves are paired. Finished cells are
kept in `var/`, keyed by code, data and split: a run that was broken off goes on from there. The
drawing goes to docs/learning_curves.svg.
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from recording import PROJECT, record

sys.path.insert(0, str(PROJECT))

from ml.checkpoints import Checkpoints, source_digest
from ml.dataset.groups import ContrastGroup, build_groups, stack_arms
from ml.dataset.pairs import pair_arms
from ml.dataset.splits import assign_folds, connect_groups
from ml.embedding import CachedEncoder
from ml.encoder import load_encoder
from ml.evaluation.estimates import interval
from ml.history.reading import read_history
from ml.strategies.catalogue import strategy_named

ARCHIVE = PROJECT.parent / "shared/data/upworthy/history.csv.gz"
KEPT = PROJECT / "var" / "bench_learning"
DRAWING = PROJECT / "docs" / "learning_curves.svg"
SIZES = (25, 50, 100, 200, 400, 800, 1_100)
N_SPLITS = 4
# Strategy -> largest number of groups.
LARGEST = {"tfidf": 1_100, "frozen_head": 1_100, "frozen_layers": 1_100}
BASELINE, BASELINE_SIZE = "tfidf", 800
N_DRAWS = 2_000
GOAL = {"groups_that_suffice_at_most": 100, "ratio_at_least": 8}

Groups = Sequence[ContrastGroup]
# Hits and pairs of each judged group, float64 (g, 2).
Cell = NDArray[np.float64]


def main() -> None:
    if not ARCHIVE.exists():
        sys.exit(f"{ARCHIVE} is absent: this benchmark needs the shared data")
    started = time.perf_counter()
    found = build_groups(read_history(ARCHIVE, "upworthy").rows).groups
    groups = [group for group in found if not group.suspect]
    encoder = CachedEncoder(load_encoder(""), KEPT)
    cells = measure(groups, encoder)
    curves = {name: curve(cells, name) for name in LARGEST}
    record(
        "learning_curves",
        {
            "seconds": round(time.perf_counter() - started, 1),
            "goal": GOAL,
            "judged_share": 0.2,
            "splits": N_SPLITS,
            "curves": curves,
            "data_saving": {
                name: data_saving(cells, name) for name in ("frozen_head", "frozen_layers")
            },
        },
    )
    DRAWING.write_text(draw(curves), encoding="utf-8")


def measure(groups: Groups, encoder: CachedEncoder) -> dict[tuple[str, int, int], Cell]:
    """Return every cell by strategy, size and split."""
    keeper = Checkpoints(KEPT, key=source_digest()[:16])
    components = connect_groups(groups)
    cells: dict[tuple[str, int, int], Cell] = {}
    for split in range(N_SPLITS):
        rng = np.random.default_rng(split)
        fold = assign_folds(components, 5, rng=rng)
        judged = [groups[at] for at in np.flatnonzero(fold == 0)]
        order = rng.permutation(np.flatnonzero(fold != 0))
        for name, largest in LARGEST.items():
            for size in SIZES:
                if size <= largest:
                    training = [groups[at] for at in order[:size]]
                    make = _judge(name, training, judged, encoder)
                    kept = keeper.keep(f"{name}-{size}-{split}", make)
                    cells[name, size, split] = kept.reshape(-1, 2)
                    print(time.strftime("%H:%M:%S"), name, size, split, file=sys.stderr)
    return cells


def _judge(
    name: str, training: Groups, judged: Groups, encoder: CachedEncoder
) -> Callable[[], NDArray[np.float64]]:
    def make() -> NDArray[np.float64]:
        fitted = strategy_named(name, make_encoder=lambda: encoder).fit(stack_arms(training))
        arms = stack_arms(judged)
        pairs, scores = pair_arms(arms), fitted.score(arms.texts)
        gap = scores[pairs.first] - scores[pairs.second]
        hits = np.where(gap == 0, 0.5, (gap > 0) == pairs.first_won)
        counts = [np.bincount(pairs.group, each, arms.n_groups) for each in (hits, hits * 0 + 1)]
        return np.stack(counts, axis=1).ravel()

    return make


def curve(cells: dict[tuple[str, int, int], Cell], name: str) -> list[dict[str, Any]]:
    """Return accuracy on all pairs with its 95 % interval over groups, by training groups."""
    sizes = sorted({size for strategy, size, _ in cells if strategy == name})
    points = []
    for size in sizes:
        accuracy, draws = _accuracy(cells, name, size)
        found = interval(accuracy, draws, level=0.95)
        points.append({"groups": size, "accuracy": accuracy, "low": found.low, "high": found.high})
    return points


def _accuracy(
    cells: dict[tuple[str, int, int], Cell], name: str, size: int
) -> tuple[float, NDArray[np.float64]]:
    """Return the accuracy over all splits, and bootstrap draws of it: the same for every cell."""
    rng = np.random.default_rng(0)
    top, bottom = np.zeros(N_DRAWS + 1), np.zeros(N_DRAWS + 1)
    for split in range(N_SPLITS):
        cell = cells[name, size, split]
        counts = rng.multinomial(len(cell), np.full(len(cell), 1 / len(cell)), size=N_DRAWS)
        weights = np.concatenate([np.ones((1, len(cell))), counts])
        sums = weights @ cell
        top, bottom = top + sums[:, 0], bottom + sums[:, 1]
    accuracy = top / bottom
    return float(accuracy[0]), accuracy[1:]


def data_saving(cells: dict[tuple[str, int, int], Cell], name: str) -> dict[str, Any]:
    """Return how many groups a strategy needs for the baseline's accuracy, and the ratio."""
    goal, goal_draws = _accuracy(cells, BASELINE, BASELINE_SIZE)
    sizes = sorted({size for strategy, size, _ in cells if strategy == name})
    curves = [_accuracy(cells, name, size) for size in sizes]
    needed = _groups_for(goal, sizes, [value for value, _ in curves])
    draws = np.array(
        [
            _groups_for(goal_draws[at], sizes, [drawn[at] for _, drawn in curves])
            for at in range(N_DRAWS)
        ]
    )
    low, high = np.quantile(BASELINE_SIZE / draws, [0.025, 0.975])
    return {
        "baseline": BASELINE,
        "baseline_groups": BASELINE_SIZE,
        "accuracy": goal,
        "groups_needed": needed,
        "ratio": BASELINE_SIZE / needed,
        "ratio_low": float(low),
        "ratio_high": float(high),
    }


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


COLOURS = {
    "tfidf": "#8a6d3b",
    "frozen_head": "#3367a6",
    "frozen_layers": "#1a7f5a",
}
WIDTH, HEIGHT, MARGIN = 640, 400, 56


def draw(curves: dict[str, list[dict[str, Any]]]) -> str:
    """Return the curves as an SVG drawing, training groups on a log scale."""
    points = [point for each in curves.values() for point in each]
    largest = max(point["groups"] for point in points)
    bottom = min(point["low"] for point in points) - 0.005
    top = max(point["high"] for point in points) + 0.005

    def x(groups: float) -> float:
        share = np.log(groups / SIZES[0]) / np.log(largest / SIZES[0])
        return round(MARGIN + float(share) * (WIDTH - 2 * MARGIN), 1)

    def y(accuracy: float) -> float:
        share = (accuracy - bottom) / (top - bottom)
        return round(HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        "<title>Accuracy on all pairs by number of past contrast groups</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for accuracy in np.arange(np.ceil(bottom * 50) / 50, top, 0.02):
        line = y(accuracy)
        parts.append(
            f'<path d="M{MARGIN} {line}H{WIDTH - MARGIN}" stroke="#ddd"/>'
            f'<text x="{MARGIN - 6}" y="{line + 4}" text-anchor="end">{accuracy:.2f}</text>'
        )
    parts += [
        f'<text x="{x(size)}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{size}</text>'
        for size in SIZES
    ]
    parts.append(
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">'
        "contrast groups to learn from (log scale)</text>"
    )
    for number, (name, each) in enumerate(curves.items()):
        colour = COLOURS[name]
        line = " ".join(f"{x(point['groups'])},{y(point['accuracy'])}" for point in each)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<path d="M{x(point["groups"])} {y(point["low"])}V{y(point["high"])}" '
            f'stroke="{colour}" stroke-opacity="0.5"/>'
            f'<circle cx="{x(point["groups"])}" cy="{y(point["accuracy"])}" r="3" fill="{colour}"/>'
            for point in each
        ]
        parts.append(
            f'<text x="{MARGIN + 12}" y="{MARGIN + 16 * number}" fill="{colour}">{name}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    main()
