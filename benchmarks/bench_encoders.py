"""Costs of each encoder that a training may start from, with `frozen_layers` on top of it.

Size on the disk, what a fit on 400 past contrasts costs (embedding included, in a process of its
own), its int8 copy and whether that ranks alike, memory of the scoring service, and its time for
ten wordings. Encoders are the packaged one and those of `manage.py list_encoders`; those of the
catalogue that are not installed are named in the results, with nothing measured.

    CTAOPT_DATA_DIR=FOLDER python benchmarks/bench_encoders.py [KEY ...]
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# As in the scoring service: what is measured by the core runs on one. Before numpy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from recording import PROJECT, RESULTS, machine, record
from scoring_service import measure_service

sys.path.insert(0, str(PROJECT))

from ml.dataset.contrast_groups import build_groups, stack_arms
from ml.dataset.training_dataset import training_dataset
from ml.encoders.cache import CachedEncoder
from ml.encoders.catalogue import KNOWN
from ml.encoders.installed import list_installed, model_folder
from ml.encoders.int8_encoder import GRAPH
from ml.encoders.sentence_encoder import SentenceEncoder, load_encoder
from ml.history.reading import read_history
from ml.history.row import HistoryRow
from ml.scoring.applicability import measure_domain
from ml.scoring.artifacts import Artifact, publish_artifact
from ml.scoring.similar_wordings import past_wordings
from ml.strategies.candidates import frozen
from ml.training.candidate_trials import TrialSettings, try_strategies
from ml.training.compression import add_fast_parts, make_copy

ARCHIVE = PROJECT.parent / "shared/data/upworthy/history.csv.gz"
ENCODERS = Path(os.environ.get("CTAOPT_DATA_DIR", PROJECT / "var")) / "encoders"
PACKAGED = "minilm"
N_GROUPS, SEED = 400, 0
GOALS = {"ten_wordings_p95_ms": 50.0, "copy_is_equal": True}
MEASURES = ("fit", "serve")


def main() -> None:
    if not ARCHIVE.exists():
        sys.exit(f"{ARCHIVE} is absent: this benchmark needs the shared data")
    installed = [each.key for each in list_installed(ENCODERS)]
    here = [PACKAGED, *installed]
    keys = sys.argv[1:] or here
    costs = kept_costs(keys) | {key: cost_of(key) for key in keys}
    absent = [key for key in KNOWN if key not in costs]
    record(
        "encoders",
        {"groups": N_GROUPS, "goals": GOALS, "encoders": costs, "not_installed": absent},
    )
    for key in absent:
        print(f"{key} is not installed: manage.py install_encoder {key}", file=sys.stderr)


def kept_costs(keys: list[str]) -> dict[str, Any]:
    """Return what was measured before, if only some encoders are asked for."""
    path = RESULTS / "encoders.json"
    if not sys.argv[1:] or not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text())
    # Those measured before each encoder had its machine were measured on that of the file.
    cpu = found["machine"]["cpu"]
    return {
        key: {"machine": cpu, **cost} for key, cost in found["encoders"].items() if key not in keys
    }


def cost_of(key: str) -> dict[str, Any]:
    """Return the costs of one encoder, each measured in a process of its own."""
    about = {each.key: each for each in list_installed(ENCODERS)}.get(key)
    known = KNOWN.get(key)
    costs: dict[str, Any] = {
        "model": about.title if about else KNOWN[key].title,
        "download_bytes": known.download_size if known else None,
        "disk_bytes": about.size if about else KNOWN[key].size,
        # Encoders may be measured one at a time, on machines that differ.
        "machine": machine()["cpu"],
    }
    for measure in MEASURES:
        costs[f"{measure}_load_before"] = round(os.getloadavg()[0], 1)
        command = [sys.executable, __file__, f"--{measure}", key]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        costs |= json.loads(done.stdout.splitlines()[-1])
        print(f"{key}: {measure} done", file=sys.stderr)
    return costs


def fit(key: str) -> dict[str, Any]:
    """Return what one fit costs, from an empty cache, and the rate of its embedding."""
    encoder, arms = load(key), stack_arms(learned(rows())[0].groups)
    strategy = frozen(CachedEncoder(encoder, None))
    started, cpu_started = time.perf_counter(), time.process_time()
    strategy.fit(arms)
    return {
        "parameters": sum(each.numel() for each in encoder.network.parameters()),
        "headlines": len(set(arms.texts)),
        "fit_seconds": round(time.perf_counter() - started, 1),
        "fit_cpu_seconds": round(time.process_time() - cpu_started, 1),
        "fit_peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def serve(key: str) -> dict[str, Any]:
    """Return what the int8 copy is worth, and what the service takes with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "encoders").mkdir()
        if key != PACKAGED:
            (folder / "encoders" / key).symlink_to(ENCODERS.resolve() / key)
        found = publish(key, folder / "models" / "p1")
        texts = [row.text for row in rows()]
        return found | {"service": measure_service(folder, texts, strategy="frozen_layers")}


def publish(key: str, folder: Path) -> dict[str, Any]:
    """Store the predictor with its int8 copy, without a student; return size and agreement."""
    data = learned(rows())[1]
    encoder = CachedEncoder(load(key), PROJECT / "var" / "bench_cache")
    strategy = frozen(encoder)
    settings = TrialSettings(seed=SEED, dispersion=data.dispersion or 1.0)
    trials = try_strategies(
        (strategy,), data.groups, settings=settings, progress=lambda _done: None
    )
    fitted = strategy.fit(data.arms)
    vectors = fitted.represent(data.arms.texts)
    assert isinstance(vectors, np.ndarray)
    named = {"name": encoder.name, "fingerprint": encoder.fingerprint}
    # Offsets, explanations and refusals are no matter of the encoder's costs.
    artifact = Artifact(
        strategy=strategy.name,
        parts=fitted.parts(),
        calibration=trials[strategy.name].calibration,
        domain=measure_domain(
            data.groups, data.components, vectors, rng=np.random.default_rng(SEED)
        ),
        past=past_wordings(data.groups),
        past_vectors=vectors.astype(np.float16),
        manifest={"seed": SEED, "configuration": {"encoder": named}},  # type: ignore[typeddict-item]
    )
    began = time.perf_counter()
    whole = add_fast_parts(artifact, fitted, groups=data.groups, texts=[], encoder=encoder)
    seconds = time.perf_counter() - began
    publish_artifact(whole, folder=folder, card="")
    size = len(whole.files[GRAPH]) if GRAPH in whole.files else copy_size(encoder, fitted)
    return {
        "copy_bytes": size,
        "copy_seconds": round(seconds, 1),
        "copy": whole.manifest["fast_copy"],
    }


def copy_size(encoder: CachedEncoder, fitted: Any) -> int | None:
    """Return the bytes of a copy that was found different, and so is not kept."""
    with tempfile.TemporaryDirectory() as folder:
        copy = make_copy(encoder, fitted, folder=Path(folder))
        return (Path(folder) / GRAPH).stat().st_size if copy else None


def load(key: str) -> SentenceEncoder:
    about = {each.key: each for each in list_installed(ENCODERS)}.get(key)
    if about is None:
        return load_encoder("" if key == PACKAGED else key)
    place = str(model_folder(ENCODERS, key))
    return load_encoder(place, name=key, languages=about.languages)


def rows() -> list[HistoryRow]:
    return list(read_history(ARCHIVE, "upworthy").rows)


def learned(history: list[HistoryRow]) -> tuple[Any, Any]:
    """Return the first undoubted contrast groups, as they are and as training takes them."""
    whole = build_groups(history)
    tests = {each.test for each in [g for g in whole.groups if not g.suspect][:N_GROUPS]}
    dataset = build_groups([row for row in history if row.test in tests])
    return dataset, training_dataset(dataset)


if __name__ == "__main__":
    if sys.argv[1:2] in (["--fit"], ["--serve"]):
        print(json.dumps({"--fit": fit, "--serve": serve}[sys.argv[1]](sys.argv[2])))
    else:
        main()
