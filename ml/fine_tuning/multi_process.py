"""Data-parallel training of a network by several processes, one per device.

`tune_together` starts them with torchrun, as `accelerate launch` does; accelerate assigns the
devices and sums the gradients. The processes are spawned: a fork of a process that has used a
graphics card cannot use it. Their input lies in a folder, as safetensors and JSON.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import torch
from accelerate import PartialState
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoConfig, AutoModel, PreTrainedModel

from ml.errors import FitError
from ml.fine_tuning.early_stopping import TrainingTrace
from ml.fine_tuning.process_group import ALONE, ProcessGroup
from ml.fine_tuning.training_loop import TrainingData, Tuned, TuningSettings, tune
from ml.fine_tuning.transformer_layers import States, adapted, trainable_layers
from ml.progress import Progress, no_progress
from ml.tensors import below

JOB, TENSORS, RESULT, TRACE, ERRORS = (
    "job.json",
    "job.safetensors",
    "made.safetensors",
    "course.json",
    "errors.txt",
)
LAYERS, PROGRESS_PREFIX = "layers.", "fraction done: "
ARRAYS = ("group", "target", "evidence", "watched", "taught")
# "[rank0]: ValueError: ..." in torchrun's output.
_ERROR = re.compile(r"^\[rank\d+\]: \w*(Error|Exception)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningPlan:
    """Trained part of a network, and the settings.

    Args:
        settings: Training settings.
        n_frozen: Layers, counted from below, that keep their weights.
        adapter_rank: Rank of the adapters trained in place of the layers; 0: no adapters.
    """

    settings: TuningSettings
    n_frozen: int
    adapter_rank: int = 0


def tune_network(
    network: PreTrainedModel,
    head: NDArray[np.float64],
    training_data: TrainingData,
    *,
    plan: TuningPlan,
    process_group: ProcessGroup = ALONE,
    progress: Progress = no_progress,
) -> Tuned:
    """Train the upper layers of a network, in place, and a head.

    Args:
        network: Network from `shortened`.
        head: Direction to start from, float64 (d,).
        training_data: The training data.
        plan: The trained part and the settings.
        process_group: Processes that train it; each calls this function.
        progress: Called with the fraction of the steps done.
    """
    layers = trainable_layers(network, plan.n_frozen)
    rank, n_frozen = plan.adapter_rank, plan.n_frozen
    with (
        adapted(network, rank=rank, n_frozen=n_frozen, seed=training_data.seed)
        if rank
        else nullcontext()
    ):
        return tune(
            layers,
            head,
            training_data,
            settings=plan.settings,
            process_group=process_group,
            progress=progress,
        )


def tune_together(
    network: PreTrainedModel,
    head: NDArray[np.float64],
    training_data: TrainingData,
    *,
    plan: TuningPlan,
    n_processes: int,
    progress: Progress = no_progress,
) -> Tuned:
    """Train like `tune_network`, in several processes on this machine.

    Results differ only by the order of sums and by the activations that dropout removes.

    Args:
        network: Network from `shortened`; it gets the trained weights.
        head: Direction to start from, float64 (d,).
        training_data: The training data.
        plan: The trained part and the settings.
        n_processes: Number of processes, >= 1: one per graphics card; any number on processors.
        progress: Called with the fraction of the steps done.

    Raises:
        FitError: If a process fails.
    """
    layers = nn.ModuleList(trainable_layers(network, plan.n_frozen))
    with TemporaryDirectory() as name:
        folder = Path(name)
        network.config.save_pretrained(folder)
        (folder / JOB).write_text(json.dumps(asdict(plan) | {"seed": training_data.seed}))
        save_file(_tensors(layers, head, training_data), folder / TENSORS)
        _run(folder, n_processes, progress)
        tensors = load_file(folder / RESULT)
        trace = TrainingTrace(**json.loads((folder / TRACE).read_text()))
    tuned = Tuned(head=tensors.pop("head").numpy(), trace=trace)
    layers.load_state_dict(tensors)
    return tuned


def work(folder: Path) -> None:
    """Entry point of a worker process: train from a folder; rank 0 writes the result.

    Args:
        folder: Folder that `tune_together` filled.
    """
    state = PartialState(cpu=not torch.cuda.is_available())
    job, tensors = json.loads((folder / JOB).read_text()), load_file(folder / TENSORS)
    training_data = _training_data(tensors, job.pop("seed"))
    plan = TuningPlan(**(job | {"settings": TuningSettings(**job["settings"])}))
    network = _network(folder, state.device)
    layers = nn.ModuleList(trainable_layers(network, plan.n_frozen))
    layers.load_state_dict(below(LAYERS, tensors))
    tuned = tune_network(
        network,
        tensors["head"].numpy(),
        training_data,
        plan=plan,
        process_group=ProcessGroup(rank=state.process_index, size=state.num_processes),
        progress=_print_progress if state.is_main_process else no_progress,
    )
    if state.is_main_process:
        weights = {name: values.cpu().contiguous() for name, values in layers.state_dict().items()}
        save_file(weights | {"head": torch.from_numpy(tuned.head)}, folder / RESULT)
        (folder / TRACE).write_text(json.dumps(asdict(tuned.trace)))
    state.destroy_process_group()


def _run(folder: Path, n_processes: int, progress: Progress) -> None:
    """Start the processes, report their progress, and stop them if reporting raises."""
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--local-addr=127.0.0.1", f"--nproc-per-node={n_processes}"),
        *("-m", "ml.fine_tuning.multi_process", str(folder)),
    ]
    threads = max(1, (os.cpu_count() or 1) // n_processes)
    environment = {"OMP_NUM_THREADS": str(threads), "GLOO_SOCKET_IFNAME": "lo"} | os.environ
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    with (
        (folder / ERRORS).open("w") as errors,
        subprocess.Popen(  # noqa: S603  argv is our own, no shell
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                # Libraries may print to the same stream.
                if line.startswith(PROGRESS_PREFIX):
                    progress(float(line.removeprefix(PROGRESS_PREFIX)))
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise FitError(f"{n_processes} processes: {_error_of((folder / ERRORS).read_text())}")


def _error_of(output: str) -> str:
    """Return the error that ended a process, without torchrun's long output after it."""
    lines = [line.split(": ", 1)[-1] for line in output.splitlines() if _ERROR.search(line)]
    return lines[0] if lines else "they ended without a word"


def _print_progress(fraction: float) -> None:
    sys.stdout.write(f"{PROGRESS_PREFIX}{fraction}\n")
    sys.stdout.flush()


def _tensors(
    layers: nn.Module, head: NDArray[np.float64], training_data: TrainingData
) -> dict[str, torch.Tensor]:
    arrays = {
        "head": head,
        "lengths": np.array([len(row) for row in training_data.states.rows]),
        **{name: getattr(training_data, name) for name in ARRAYS},
    }
    weights = {
        LAYERS + name: values.cpu().contiguous() for name, values in layers.state_dict().items()
    }
    return {
        "states": torch.cat(training_data.states.rows),
        **{name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()},
        **weights,
    }


def _training_data(tensors: Mapping[str, torch.Tensor], seed: int) -> TrainingData:
    rows = torch.split(tensors["states"], tensors["lengths"].tolist())
    arrays = {name: tensors[name].numpy() for name in ARRAYS}
    return TrainingData(states=States(rows=tuple(rows)), seed=seed, **arrays)


def _network(folder: Path, device: torch.device) -> PreTrainedModel:
    """Return a network of the configured shape; only its upper layers are used."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    network = AutoModel.from_config(config)  # type: ignore[no-untyped-call]
    return cast(PreTrainedModel, network.to(device))


if __name__ == "__main__":
    work(Path(sys.argv[1]))
