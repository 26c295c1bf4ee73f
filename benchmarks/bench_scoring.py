"""How fast wordings are scored: the predictor, its int8 copy, its student, and the service.

What is served on a history of this size, the stack with its fine-tuned networks, is fitted on four
fifths of the Upworthy archive; what is measured on the rest is what copy and student lose. Rates
are medians of interleaved rounds, each beside the original encoder in float32; answers of the
service stand beside bare int8 inference of the same wordings in the same run.

BENCH_STRATEGY=frozen_layers leaves the fine-tuning out; BENCH_FOLD=1 to 4 judges on other tests.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

# What is measured by the core runs on one. Before numpy, which starts the threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from recording import PROJECT, record
from scoring_service import CTA_WORDS, measure_service

sys.path.insert(0, str(PROJECT))
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from ml.dataset.contrast_groups import build_groups, normalise_text, stack_arms
from ml.dataset.pairs import Pairs, pair_arms
from ml.dataset.splits import assign_folds, connect_groups
from ml.dataset.training_dataset import training_dataset
from ml.distillation.student import Student
from ml.encoders.cache import CachedEncoder
from ml.encoders.int8_encoder import Int8Encoder
from ml.encoders.sentence_encoder import load_encoder
from ml.evaluation.cross_validation import Helpers
from ml.history.reading import read_history
from ml.history.row import HistoryRow
from ml.scoring.artifacts import load_artifact, load_student, publish_artifact
from ml.strategies.base import FittedStrategy
from ml.strategies.candidates import strategy_named
from ml.training.candidate_trials import TrialSettings, try_strategies
from ml.training.compression import add_fast_parts
from ml.training.final_fit import Material, final_fit
from ml.training.options import SUSPECT_TRUST

ARCHIVE = PROJECT.parent / "shared/data/upworthy/history.csv.gz"
STRATEGY = os.environ.get("BENCH_STRATEGY", "stack")
FOLD = int(os.environ.get("BENCH_FOLD", "0"))
ROUNDS = 3
GOALS = {"int8_per_s": 2_000, "student_per_s": 50_000, "ten_wordings_p95_ms": 50.0}
STUDENT_MAY_LOSE = 0.015


def main() -> None:
    if not ARCHIVE.exists():
        sys.exit(f"{ARCHIVE} is absent: this benchmark needs the shared data")
    rows = list(read_history(ARCHIVE, "upworthy").rows)
    learned, judged = split(rows)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = publish(learned, folder / "models" / "p1")
        found = measure(folder, judged)
        found["service"] = measure_service(folder, [row.text for row in rows], strategy=STRATEGY)
    record(
        "scoring" if (STRATEGY, FOLD) == ("stack", 0) else f"scoring_{STRATEGY}_fold{FOLD}",
        {
            "strategy": STRATEGY,
            "fold": FOLD,
            "goals": GOALS,
            "fast_copy_at_export": manifest["fast_copy"],
            **found,
        },
    )


def split(rows: list[HistoryRow]) -> tuple[list[HistoryRow], list[HistoryRow]]:
    """Return the rows to learn from, and those of one fold in five of the undoubted tests.

    Nothing is learned from a test that shares a wording or a story with a judged one.
    """
    groups = build_groups(rows).groups
    component = connect_groups(groups)
    undoubted = [group for group in groups if not group.suspect]
    fold = assign_folds(connect_groups(undoubted), 5, rng=np.random.default_rng(0))
    judged = {group.test for group, number in zip(undoubted, fold, strict=True) if number == FOLD}
    touched = {
        number for group, number in zip(groups, component, strict=True) if group.test in judged
    }
    near = {
        group.test for group, number in zip(groups, component, strict=True) if number in touched
    }
    held = [row for row in rows if row.test in judged]
    texts = {row.text for row in held}
    return [row for row in rows if row.test not in near and row.text not in texts], held


def publish(
    rows: list[HistoryRow], folder: Path, *, strategy: str = STRATEGY, **about: object
) -> dict:
    """Fit what is served on all the rows, store it with its fast parts, and return the manifest.

    The gate and the folds that it compares are left out: they are hours of fine-tuning and no
    part of scoring. Chances are calibrated by the folds of the cheapest strategy on the encoder.
    """
    dataset = build_groups(rows)
    data = training_dataset(dataset)
    suspect = tuple(group for group in dataset.groups if group.suspect)
    material = Material(
        data=data,
        helpers=Helpers(groups=suspect, trust=np.full(len(suspect), SUSPECT_TRUST)),
        texts=[normalise_text(row.text) for row in rows],
    )
    encoder = CachedEncoder(load_encoder(""), PROJECT / "var" / "bench_cache")
    dispersion = data.dispersion or 1.0
    judge = strategy_named("frozen_head", make_encoder=lambda: encoder)
    trials = try_strategies(
        (judge,),
        data.groups,
        settings=TrialSettings(seed=0, dispersion=dispersion, helpers=material.helpers),
        progress=lambda done: None,
    )
    artifact, fitted = final_fit(
        strategy_named(strategy, make_encoder=lambda: encoder),
        material,
        trial=trials[judge.name],
        record={"seed": 0, **about},
        rng=np.random.default_rng(0),
    )
    whole = add_fast_parts(
        artifact, fitted, groups=material.everything, texts=material.texts, encoder=encoder
    )
    return publish_artifact(whole, folder=folder, card="")


def measure(folder: Path, rows: list[HistoryRow]) -> dict:
    """Return rates on CTA-length texts, and what the judged tests say of copy and student."""
    place = folder / "models" / "p1"
    artifact, student = load_artifact(place), load_student(place)
    original = strategy_named(STRATEGY, make_encoder=lambda: load_encoder(""))
    original = original.restore(artifact.parts)
    arms = stack_arms([group for group in build_groups(rows).groups if not group.suspect])
    pairs = pair_arms(arms)

    def fresh_copy() -> FittedStrategy:
        made = strategy_named(STRATEGY, make_encoder=lambda: Int8Encoder(place))
        return made.restore(artifact.parts)

    scores = {
        "original": original.score(arms.texts),
        "int8": fresh_copy().score(arms.texts),
        "student": student.score(arms.texts),
    }
    texts = sorted({" ".join(text.split()[:CTA_WORDS]) for text in arms.texts})
    return {
        "pairs": len(pairs),
        "accuracy_all": {name: accuracy(each, pairs) for name, each in scores.items()},
        "student_loses": loss_interval(scores, pairs),
        "student_fidelity": student.fidelity,
        "student_may_lose": STUDENT_MAY_LOSE,
        "texts": len(texts),
        "rates_per_s": rates(original, fresh_copy, student, texts),
    }


def accuracy(scores: np.ndarray, pairs: Pairs) -> float:
    right = (scores[pairs.first] > scores[pairs.second]) == pairs.first_won
    return round(float(right.mean()), 4)


def loss_interval(scores: dict[str, np.ndarray], pairs: Pairs) -> dict[str, float]:
    """Return by how much the student is less often right, with a bootstrap over groups."""
    right = {
        name: (each[pairs.first] > each[pairs.second]) == pairs.first_won
        for name, each in scores.items()
    }
    lost = right["original"].astype(float) - right["student"]
    _, group = np.unique(pairs.group, return_inverse=True)
    sums, counts = np.bincount(group, lost), np.bincount(group)
    drawn = np.random.default_rng(0).integers(len(sums), size=(2_000, len(sums)))
    draws = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return {"value": float(lost.mean()), "low": float(low), "high": float(high)}


def rates(
    original: FittedStrategy,
    copies: Callable[[], FittedStrategy],
    student: Student,
    texts: list[str],
) -> dict:
    """Return texts a second, wall clock and by CPU time of one core, and ratios to float32."""
    few = texts[: len(texts) // 2]
    taken: dict[str, list[tuple[float, float]]] = {}
    for _ in range(ROUNDS):
        # A new copy each round: it remembers texts, and those would cost nothing.
        runs = (
            ("float32", original, few),
            ("int8", copies(), texts),
            ("student", student, texts * 20),
        )
        for name, scorer, asked in runs:
            scorer.score(asked[:1])
            wall, cpu = time.perf_counter(), time.process_time()
            scorer.score(asked)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            taken.setdefault(name, []).append((len(asked) / wall, len(asked) / cpu))
    floor = [wall for wall, _ in taken["float32"]]
    return {
        name: {
            "wall": round(median(wall for wall, _ in each)),
            "cpu_core": round(median(cpu for _, cpu in each)),
            "ratio_to_float32": round(
                median(wall / base for (wall, _), base in zip(each, floor, strict=True)), 2
            ),
        }
        for name, each in taken.items()
    }


if __name__ == "__main__":
    main()
