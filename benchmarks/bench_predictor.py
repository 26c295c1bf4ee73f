"""The predictor's strategies on the Upworthy Research Archive: figures, and what the gate says.

Grouped 5-fold cross-validation by connected component, suspect weeks left out of evaluation,
intervals by bootstrap over groups: what `train_predictor` does before it fits the final model.
Finished folds are kept in `var/`: a run that was broken off goes on from there, and says so. What
a fit costs is in `bench_training.py`.

`CTAOPT_ENCODER` may name another encoder, as for the service: the results go to a file of its own.
"""

import os
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from recording import PROJECT, record

sys.path.insert(0, str(PROJECT))

from ml.dataset.contrast_groups import build_groups, stack_arms
from ml.dataset.dispersion import replicate_dispersion
from ml.dataset.training_dataset import training_dataset
from ml.encoders.base import layers_of
from ml.encoders.cache import CachedEncoder
from ml.encoders.sentence_encoder import load_encoder
from ml.evaluation.cross_validation import Helpers
from ml.evaluation.metrics import summarise
from ml.evaluation.promotion_gate import decide
from ml.history.reading import read_history
from ml.strategies.candidates import line_up
from ml.training.candidate_trials import TrialSettings, as_candidate, try_strategies
from ml.training.manifest import record_ceilings, record_data
from ml.training.pipeline import TrainingSettings, open_checkpoints

ARCHIVE = PROJECT.parent / "shared/data/upworthy/history.csv.gz"
ENCODER = os.environ.get("CTAOPT_ENCODER", "")
UNFINISHED = PROJECT / "var" / "bench_predictor"
SEED = 0
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
    started, cpu_started = time.perf_counter(), time.process_time()
    resumed = UNFINISHED.exists()
    figures = compare()
    record(
        f"predictor_{Path(ENCODER).name}" if ENCODER else "predictor",
        {
            "encoder": ENCODER and Path(ENCODER).name,
            "seconds": round(time.perf_counter() - started, 1),
            "cpu_seconds": round(time.process_time() - cpu_started, 1),
            "resumed": resumed,
            "goals": GOALS,
            "seed": SEED,
            **figures,
        },
    )


def compare() -> dict[str, Any]:
    """Return data, metrics, ceilings and the gate's decision of one training."""
    dataset = build_groups(read_history(ARCHIVE, "upworthy").rows)
    groups = [group for group in dataset.groups if not group.suspect]
    settings = TrainingSettings(
        folder=UNFINISHED / "none",
        seed=SEED,
        code_commit="",
        now=datetime.now(UTC),
        unfinished=UNFINISHED,
    )
    trust = settings.choices.suspect_trust
    suspect = tuple(group for group in dataset.groups if group.suspect)
    encoder = CachedEncoder(load_encoder(ENCODER), PROJECT / "var" / "bench_cache")
    for each in (encoder, layers_of(encoder)):
        assert each is not None
        each.encode(stack_arms(dataset.groups).texts)
    strategies = line_up(encoder, len(groups)).strategies
    steps = open_checkpoints([*groups, *suspect], encoder, settings)
    assert steps is not None
    trials = try_strategies(
        strategies,
        groups,
        settings=TrialSettings(
            seed=SEED,
            dispersion=replicate_dispersion(dataset) or 1.0,
            helpers=Helpers(groups=suspect, trust=np.full(len(suspect), trust)),
        ),
        progress=lambda done: print(f"{time.strftime('%H:%M:%S')} {done:.0%}", file=sys.stderr),
        keep=steps.keep,
    )
    candidates = [as_candidate(each, trials[each.name]) for each in strategies]
    rng, data = np.random.default_rng(SEED), training_dataset(dataset)
    return {
        "data": record_data(data) | {"suspect_trust": trust},
        "ceiling": record_ceilings(data, rng=rng),
        "metrics": {name: asdict(summarise(trial.sums, rng=rng)) for name, trial in trials.items()},
        "gate": asdict(decide(candidates, seed=SEED)),
    }


if __name__ == "__main__":
    main()
