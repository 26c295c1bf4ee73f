"""What a fit costs on 1,000 tests of the Upworthy Research Archive: time and memory.

Embedding included, each fit in a process of its own. Seconds depend on what else the machine
does; CPU seconds do so less.
"""

import json
import resource
import subprocess
import sys
import time
from typing import Any

from recording import PROJECT, record

sys.path.insert(0, str(PROJECT))

from ml.dataset.contrast_groups import build_groups, stack_arms
from ml.encoders.cache import CachedEncoder
from ml.encoders.sentence_encoder import load_encoder
from ml.history.reading import read_history
from ml.strategies.candidates import strategy_named

ARCHIVE = PROJECT.parent / "shared/data/upworthy/history.csv.gz"
N_GROUPS = 1_000
STRATEGIES = ("tfidf", "frozen_head", "frozen_layers", "fine_tuned")
GOALS = {"head_seconds": 60, "fine_tuning_seconds": 480, "memory_mib": 2_048}


def main() -> None:
    if not ARCHIVE.exists():
        sys.exit(f"{ARCHIVE} is absent: this benchmark needs the shared data")
    costs = {name: _apart(name) for name in STRATEGIES}
    record("training_cost", {"groups": N_GROUPS, "goals": GOALS, "fits": costs})


def _apart(name: str) -> dict[str, Any]:
    command = [sys.executable, __file__, name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    cost: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return cost


def fit(name: str) -> dict[str, float]:
    """Return what one fit costs, from an empty cache."""
    found = build_groups(read_history(ARCHIVE, "upworthy").rows).groups
    arms = stack_arms([group for group in found if not group.suspect][:N_GROUPS])
    started, cpu_started = time.perf_counter(), time.process_time()
    strategy_named(name, make_encoder=lambda: CachedEncoder(load_encoder(""), None)).fit(arms)
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu_started, 1),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(fit(sys.argv[1])))
    else:
        main()
