"""Learning curves of the strategies on the Upworthy archive, and how much data transfer saves.

Finished cells are kept in `var/`, keyed by code, data and split: a run that was broken off goes on
from there. The drawing goes to docs/learning_curves.svg.
"""

import sys
import time
from dataclasses import asdict
from typing import Any

from recording import PROJECT, record

sys.path.insert(0, str(PROJECT))

from experiments.services.pictures.looks import ON_PAPER
from experiments.services.pictures.rendering import draw_svg
from ml.checkpoints import Checkpoints, source_digest
from ml.dataset.contrast_groups import build_groups
from ml.encoders.cache import CachedEncoder
from ml.encoders.sentence_encoder import load_encoder
from ml.evaluation.learning_curves import (
    CurvePlan,
    curve,
    curve_sizes,
    data_saving,
    make_splits,
    measure_curves,
)
from ml.history.reading import read_history
from ml.strategies.candidates import strategy_named

ARCHIVE = PROJECT.parent / "shared/data/upworthy/history.csv.gz"
KEPT = PROJECT / "var" / "bench_learning"
DRAWING = PROJECT / "docs" / "learning_curves.svg"
# The stack costs nothing beside its members, which stand before it.
STRATEGIES = ("tfidf", "frozen_head", "frozen_layers", "fine_tuned", "stack")
N_SPLITS = 4
# Minutes each: at three sizes.
COSTLY = ("lora", "random_network")
FEW_SIZES = (100, 400, 1_100)
BASELINE, BASELINE_SIZE = "tfidf", 800
GOAL = {"groups_that_suffice_at_most": 100, "ratio_at_least": 8}


def main() -> None:
    if not ARCHIVE.exists():
        sys.exit(f"{ARCHIVE} is absent: this benchmark needs the shared data")
    started, cpu_started = time.perf_counter(), time.process_time()
    found = build_groups(read_history(ARCHIVE, "upworthy").rows).groups
    groups = [group for group in found if not group.suspect]
    encoder = CachedEncoder(load_encoder(""), KEPT)
    splits = make_splits(groups, n_splits=N_SPLITS, seed=0)
    sizes = curve_sizes(splits)
    plans = [
        CurvePlan(strategy=strategy_named(name, make_encoder=lambda: encoder), sizes=some)
        for names, some in ((STRATEGIES, sizes), (COSTLY, FEW_SIZES))
        for name in names
    ]
    key = source_digest()[:16]
    resumed = (KEPT / key).exists()
    cells = measure_curves(
        plans,
        splits,
        keep=Checkpoints(KEPT, key=key).keep,
        progress=lambda done: print(f"{time.strftime('%H:%M:%S')} {done:.1%}", file=sys.stderr),
    )
    points = {plan.strategy.name: curve(cells, plan.strategy.name) for plan in plans}
    curves = {name: [asdict(point) for point in each] for name, each in points.items()}
    savings = {
        name: asdict(data_saving(cells, name, baseline=BASELINE, baseline_groups=BASELINE_SIZE))
        for name in STRATEGIES[1:]
    }
    record(
        "learning_curves",
        {
            "seconds": round(time.perf_counter() - started, 1),
            "cpu_seconds": round(time.process_time() - cpu_started, 1),
            "resumed": resumed,
            "goal": GOAL,
            "judged_share": 0.2,
            "splits": N_SPLITS,
            "curves": curves,
            "data_saving": savings,
        },
    )
    DRAWING.write_text(drawn(curves), encoding="utf-8")


def drawn(curves: dict[str, list[dict[str, Any]]]) -> str:
    """Return the curves as SVG, by the keys of their strategies."""
    rows = [
        {"x": point["groups"], "series": name, **point["accuracy"]}
        for name, points in curves.items()
        for point in points
        if point["accuracy"]["value"] is not None
    ]
    titles = {
        "title": "Contrast groups to learn from (log scale)",
        "y_title": "Better wording picked, all pairs",
    }
    return draw_svg("curves", rows, look=ON_PAPER, language="en", options=titles)


if __name__ == "__main__":
    main()
