"""The predictor on the Upworthy Research Archive: figures, time and memory of one training.

Grouped 5-fold cross-validation by connected component, suspect weeks left out, intervals by
bootstrap over groups. Run with an empty cache, so that the time includes the embedding. Finished
folds are kept in `var/`: a run that was broken off goes on from there, and says so in its figures.
"""

import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from recording import PROJECT, record

sys.path.insert(0, str(PROJECT))

from ml.embedding import CachedEncoder
from ml.encoder import load_encoder
from ml.history.reading import read_history
from ml.training.record import read_commit
from ml.training.trainer import TrainingSettings, train

ARCHIVE = PROJECT.parent / "shared/data/upworthy/history.csv.gz"
SEED = 0
UNFINISHED = PROJECT / "var" / "bench_predictor"
# What this must show; a prototype over five folds had 0.591 / 0.692 frozen, 0.615 / 0.726 tuned.
GOALS = {
    "accuracy_all": 0.625,
    "accuracy_p05": 0.74,
    "lift_of_pick": 0.12,
    "ece": 0.015,
    "log_loss_skill": 0.05,
}


def main() -> None:
    if not ARCHIVE.exists():
        sys.exit(f"{ARCHIVE} is absent: this benchmark needs the shared data")
    resumed = UNFINISHED.exists()
    started, cpu_started = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        result = train(
            read_history(ARCHIVE, "upworthy").rows,
            encoder=CachedEncoder(load_encoder(""), Path(folder) / "cache"),
            settings=TrainingSettings(
                folder=Path(folder) / "predictor",
                seed=SEED,
                code_commit=read_commit(PROJECT),
                now=datetime.now(UTC),
                unfinished=UNFINISHED,
            ),
            progress=_tell,
        )
    manifest = result.manifest
    record(
        "predictor",
        {
            "seconds": round(time.perf_counter() - started, 1),
            "cpu_seconds": round(time.process_time() - cpu_started, 1),
            "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "resumed": resumed,
            "goals": GOALS,
            "served": result.served,
            "seed": SEED,
            **{key: manifest[key] for key in ("data", "metrics", "ceiling", "gate")},
        },
    )


def _tell(fraction: float, stage: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {fraction:6.1%} {stage}", file=sys.stderr)


if __name__ == "__main__":
    main()
