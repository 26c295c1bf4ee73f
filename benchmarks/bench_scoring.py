"""How fast wordings are scored: the predictor, its int8 copy, its student, and the service.

A predictor is trained on part of the Upworthy archive (frozen layers of the packaged encoder, the
strategy whose parts every other has too); what is measured on the rest is what copy and student
lose. Rates are medians of interleaved rounds, each beside the original encoder in float32.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

import numpy as np
from recording import PROJECT, record

sys.path.insert(0, str(PROJECT))
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from ml.artifacts import Artifact, load_artifact
from ml.dataset.groups import build_groups, stack_arms
from ml.dataset.pairs import Pairs, pair_arms
from ml.dataset.splits import assign_folds, connect_groups
from ml.embedding import CachedEncoder
from ml.encoder import load_encoder
from ml.history.reading import read_history
from ml.history.row import HistoryRow
from ml.int8 import Int8Encoder
from ml.strategies.catalogue import strategy_named
from ml.strategies.contract import FittedStrategy
from ml.training.choices import Choices
from ml.training.trainer import TrainingSettings, train

ARCHIVE = PROJECT.parent / "shared/data/upworthy/history.csv.gz"
STRATEGY = os.environ.get("BENCH_STRATEGY", "frozen_layers")
ROUNDS = 3
# What a call to action is: the first words of a headline stand in for one.
CTA_WORDS = 4
GOALS = {"int8_per_s": 2_000, "student_per_s": 50_000, "ten_wordings_p95_ms": 50.0}
STUDENT_MAY_LOSE = 0.015


def main() -> None:
    if not ARCHIVE.exists():
        sys.exit(f"{ARCHIVE} is absent: this benchmark needs the shared data")
    rows = list(read_history(ARCHIVE, "upworthy").rows)
    judged = held_out_tests(rows)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = train_on_the_rest(rows, judged, folder)
        found = measure(folder, [row for row in rows if row.test in judged])
        found["service"] = measure_service(folder, rows)
    record(
        "scoring",
        {
            "strategy": STRATEGY,
            "goals": GOALS,
            "fast_copy_at_export": manifest["fast_copy"],
            **found,
        },
    )


def held_out_tests(rows: list[HistoryRow]) -> set[str]:
    """Return the tests of one fold in five, with all that shares a wording or a story with them."""
    groups = [group for group in build_groups(rows).groups if not group.suspect]
    fold = assign_folds(connect_groups(groups), 5, rng=np.random.default_rng(0))
    return {group.test for group, number in zip(groups, fold, strict=True) if number == 0}


def train_on_the_rest(rows: list[HistoryRow], judged: set[str], folder: Path) -> dict:
    """Train on everything that is not connected to the judged tests."""
    result = train(
        [row for row in rows if row.test not in judged],
        encoder=CachedEncoder(load_encoder(""), PROJECT / "var" / "bench_cache"),
        settings=TrainingSettings(
            folder=folder / "models" / "p1",
            seed=0,
            code_commit="",
            now=datetime.now(UTC),
            choices=Choices(strategies=(STRATEGY,)),
        ),
        progress=lambda fraction, stage: None,
    )
    assert result.served == STRATEGY, result.manifest["gate"]
    return dict(result.manifest)


def measure(folder: Path, rows: list[HistoryRow]) -> dict:
    """Return rates on CTA-length texts, and what the judged tests say of copy and student."""
    place = folder / "models" / "p1"
    artifact = load_artifact(place)
    original = strategy_named(STRATEGY, make_encoder=lambda: load_encoder(""))
    original = original.restore(artifact.parts)
    arms = stack_arms([group for group in build_groups(rows).groups if not group.suspect])
    pairs = pair_arms(arms)
    copied = strategy_named(STRATEGY, make_encoder=lambda: Int8Encoder(place))
    scores = {
        "original": original.score(arms.texts),
        "int8": copied.restore(artifact.parts).score(arms.texts),
        "student": artifact.student.score(arms.texts),
    }
    texts = sorted({" ".join(text.split()[:CTA_WORDS]) for text in arms.texts})
    return {
        "pairs": len(pairs),
        "accuracy_all": {name: accuracy(each, pairs) for name, each in scores.items()},
        "student_loses": loss_interval(scores, pairs),
        "student_may_lose": STUDENT_MAY_LOSE,
        "texts": len(texts),
        "rates_per_s": rates(original, artifact, place, texts),
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


def rates(original: FittedStrategy, artifact: Artifact, place: Path, texts: list[str]) -> dict:
    """Return texts a second, wall clock and by CPU time of one core, and ratios to float32."""

    def fresh_copy() -> FittedStrategy:
        made = strategy_named(STRATEGY, make_encoder=lambda: Int8Encoder(place))
        return made.restore(artifact.parts)

    few = texts[: len(texts) // 2]
    taken: dict[str, list[tuple[float, float]]] = {}
    for _ in range(ROUNDS):
        # A new copy each round: it remembers texts, and those would cost nothing.
        runs = (
            ("float32", original, few),
            ("int8", fresh_copy(), texts),
            ("student", artifact.student, texts * 20),
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


def measure_service(folder: Path, rows: list[HistoryRow]) -> dict:
    """Return milliseconds for ten unseen wordings, asked of the running service."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "ctaopt.settings.prod",
        "CTAOPT_DATA_DIR": str(folder),
        "CTAOPT_SCORING_URL": f"unix:{folder}/scoring.sock",
        "SECRET_KEY": "benchmark " * 5,
    }
    os.environ.update(environment)
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "-v", "0"], cwd=PROJECT, check=True)
    import django  # noqa: PLC0415

    django.setup()
    from ml import predict, registry  # noqa: PLC0415

    manifest = load_artifact(folder / "models" / "p1").manifest
    version = registry.register_version(
        strategy=STRATEGY, artifact="p1", manifest=manifest, now=datetime.now(UTC)
    )
    registry.promote_version(number=version.number)
    service = subprocess.Popen([*manage, "serve_scoring"], cwd=PROJECT)
    try:
        deadline = time.monotonic() + 120
        while predict.ask_service(["Go"]) is None and time.monotonic() < deadline:
            time.sleep(0.2)
        texts = sorted({row.text for row in rows})
        words = [text.split() for text in texts if len(text.split()) > CTA_WORDS]
        rng, taken = np.random.default_rng(1), []
        for _ in range(200):
            chosen = rng.choice(len(words), size=10, replace=False)
            asked = [" ".join(words[at][-CTA_WORDS:]) for at in chosen]
            began = time.perf_counter()
            answer = predict.ask_service(asked, control=asked[0], context={"locale": "en"})
            taken.append(1000 * (time.perf_counter() - began))
            assert answer is not None
            assert answer["predictor"] == version.number
        memory = memory_mb(service.pid)
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(timeout=30)
    return {
        "ten_wordings_ms": {
            "p50": round(median(taken[20:]), 1),
            "p95": round(quantiles(taken[20:], n=20)[-1], 1),
        },
        "memory_mb": memory,
    }


def memory_mb(parent: int) -> int:
    """Return the resident memory of a process and its children."""
    import psutil  # noqa: PLC0415

    whole = [psutil.Process(parent), *psutil.Process(parent).children(recursive=True)]
    return round(sum(each.memory_info().rss for each in whole) / 2**20)


if __name__ == "__main__":
    main()
