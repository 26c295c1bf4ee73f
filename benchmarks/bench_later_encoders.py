"""Encoders judged once on later tests, frozen: nothing is tuned or chosen on what judges.

Trained on the tests to July 2014, judged on August to October 2014 (`later_tests.py`; both fixed
before anything was tried), by `frozen_layers` as the catalogue makes it. With a file of tests kept
apart as argument, trained on the whole archive and judged on that file; tests of the archive that
share a test or a wording with it train nothing.

    CTAOPT_DATA_DIR=FOLDER python benchmarks/bench_later_encoders.py [FILE]

With `BENCH_FOLDS=no` the slope from scores to chances is that of the judged tests themselves:
accuracies are the same, calibration error and log loss look better than they are, and are left out.
Vectors and scores are kept in `var/`: a run that was broken off goes on.
"""

import hashlib
import os
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from bench_french import unconnected
from later_tests import (
    ARCHIVE,
    KEPT,
    N_FOLDS,
    SEED,
    Split,
    fold_scores,
    join_folds,
    later_scores,
    later_sums,
    load_split,
    make_by,
    paired,
)
from recording import PROJECT, record

sys.path.insert(0, str(PROJECT))

from ml.checkpoints import Checkpoints, source_digest
from ml.dataset.contrast_groups import ContrastGroup, build_groups, stack_arms
from ml.dataset.splits import find_leaks
from ml.encoders.installed import list_installed, model_folder
from ml.evaluation.bootstrap import GroupSums
from ml.evaluation.metrics import summarise
from ml.files import file_sha256
from ml.history.reading import read_history
from ml.strategies.candidates import frozen
from ml.training.options import SUSPECT_TRUST

ENCODERS = Path(os.environ.get("CTAOPT_DATA_DIR", PROJECT / "var")) / "encoders"
HAS_FOLDS = os.environ.get("BENCH_FOLDS", "yes") != "no"
# What the issue asks of tests kept apart, and of the later tests of the archive.
GOALS = {
    "kept_apart": {"mpnet": [0.66, 0.80], "minilm": [0.645, 0.765], "ece": 0.015},
    "later": {"mpnet": [0.65, 0.78]},
}
NEED_FOLDS = ("ece", "log_loss", "log_loss_skill")


def main() -> None:
    started = time.perf_counter()
    kept_apart = Path(sys.argv[1]) if sys.argv[1:] else None
    places = {"minilm": ""} | {
        each.key: str(model_folder(ENCODERS, each.key)) for each in list_installed(ENCODERS)
    }
    sums = {key: judge(place, kept_apart) for key, place in places.items()}
    rng = np.random.default_rng(SEED)
    record(
        "later_encoders_kept_apart" if kept_apart else "later_encoders",
        {
            "seconds": round(time.perf_counter() - started, 1),
            "goals": GOALS["kept_apart" if kept_apart else "later"],
            "strategy": "frozen_layers",
            "slope_from_folds": HAS_FOLDS,
            "groups": len(sums["minilm"]["pairs"]),
            "figures": {key: figures(each, rng) for key, each in sums.items()},
            "over_packaged": {
                key: gains(each, sums["minilm"]) for key, each in sums.items() if key != "minilm"
            },
        },
    )


def judge(place: str, kept_apart: Path | None) -> GroupSums:
    """Return the sums of one encoder on the tests that judge."""
    split = load_split(place, layers_only=True)
    if kept_apart:
        split = apart(split, kept_apart)
    names, make = ("frozen_layers",), make_by(frozen(split.encoder))
    later = later_scores(split, names, make)["frozen_layers"]
    if not HAS_FOLDS:
        return later_sums(split, later)
    by_fold = [
        fold_scores(split, names, make, number=number)["frozen_layers"] for number in range(N_FOLDS)
    ]
    return later_sums(split, later, join_folds(split, by_fold))


def apart(split: Split, path: Path) -> Split:
    """Return a split that is judged by a file, and trained on what it is not connected with."""
    judged = [each for each in _groups(path) if not each.suspect]
    taught = unconnected(_groups(ARCHIVE), judged)
    if leaks := find_leaks(taught, judged):
        sys.exit(f"the tests kept apart leak: {leaks[0]}")
    key = f"{file_sha256(path)} {split.encoder.fingerprint} {source_digest()}"
    return replace(
        split,
        trained=stack_arms(
            taught, trust=np.array([SUSPECT_TRUST if each.suspect else 1.0 for each in taught])
        ),
        later=tuple(judged),
        arms=stack_arms(judged),
        kept=Checkpoints(KEPT, key=hashlib.sha256(key.encode()).hexdigest()[:32]),
    )


def _groups(path: Path) -> list[ContrastGroup]:
    return list(build_groups(read_history(path, "upworthy").rows).groups)


def figures(sums: GroupSums, rng: np.random.Generator) -> dict[str, Any]:
    found = asdict(summarise(sums, rng=rng))
    return {name: each for name, each in found.items() if HAS_FOLDS or name not in NEED_FOLDS}


def gains(sums: GroupSums, base: GroupSums) -> dict[str, Any]:
    found = paired(sums, base)
    return {name: each for name, each in found.items() if HAS_FOLDS or name != "log_loss_gain"}


if __name__ == "__main__":
    main()
