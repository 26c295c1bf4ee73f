"""The running scoring service: milliseconds for ten wordings, and memory."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
from recording import PROJECT

sys.path.insert(0, str(PROJECT))

from ml.encoders.int8_encoder import GRAPH, Int8Encoder
from ml.scoring.artifacts import load_artifact

# What a call to action is: some words of a headline stand in for one.
CTA_WORDS = 4
# Requests that are timed, ten wordings each.
N_ASKED = 100


@contextmanager
def running_service(folder: Path, *, strategy: str) -> Iterator[tuple[int, int]]:
    """Run the scoring service of a new installation in a folder; its predictor is `models/p1`.

    This process gets the same installation. Yields the service's process id and the version.
    """
    manage = [sys.executable, "manage.py"]
    set_up(folder, manage)
    from ml import predict, registry  # noqa: PLC0415

    manifest = load_artifact(folder / "models" / "p1").manifest
    version = registry.register_version(
        strategy=strategy, artifact="p1", manifest=manifest, now=datetime.now(UTC)
    )
    registry.promote_version(number=version.number)
    service = subprocess.Popen([*manage, "serve_scoring"], cwd=PROJECT)
    try:
        deadline = time.monotonic() + 600
        go = predict.RankingRequest(wordings=("Go",))
        while predict.ask_scoring_service(go) is None and time.monotonic() < deadline:
            time.sleep(0.2)
        yield service.pid, version.number
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(timeout=30)


def measure_service(folder: Path, texts: Sequence[str], *, strategy: str) -> dict[str, Any]:
    """Return milliseconds for ten unseen wordings, asked of the running service.

    The predictor is `models/p1` in the folder; wordings are the last words of the texts.
    """
    with running_service(folder, strategy=strategy) as (pid, number):
        from ml import predict  # noqa: PLC0415

        words = [text.split() for text in sorted(set(texts)) if len(text.split()) > CTA_WORDS]
        place = folder / "models" / "p1"
        # Without an int8 copy the original answers, and there is no floor.
        bare = Int8Encoder(place) if (place / GRAPH).exists() else None

        def ask(asked: list[str], **more: int) -> bool:
            request = predict.RankingRequest.from_fields(
                {"wordings": asked, "control": asked[0], "locale": "en"}
            )
            answer = predict.ask_scoring_service(request, **more)
            assert answer is None or answer["predictor"] == number
            return answer is not None

        return time_answers(ask, words, bare, pid=pid)


def time_answers(
    ask: Callable[..., bool], words: Sequence[list[str]], bare: Int8Encoder | None, *, pid: int
) -> dict[str, Any]:
    """Return the milliseconds of a running service, and of its encoder alone."""
    rng, kinds = np.random.default_rng(1), ("service", "bare_int8", "bare_int8_cpu", "page")
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    ask(["Go", "Start"])
    spent = cpu_ms(pid)
    for _ in range(N_ASKED):
        taken["service"].append(milliseconds(ask, ten_wordings(words, rng)))
    spent = (cpu_ms(pid) - spent) / N_ASKED
    for at in range(N_ASKED):
        asked = ten_wordings(words, rng)
        if bare:
            cpu = time.process_time()
            taken["bare_int8"].append(milliseconds(bare.encode, asked))
            taken["bare_int8_cpu"].append(1000 * (time.process_time() - cpu))
        if at % 10 == 0:
            # It gives up after three seconds, which a busy machine may need for a page.
            taken["page"].append(milliseconds(ask, asked, explained=True, suggested=8))
    return summary(taken) | {"ten_wordings_cpu_ms": round(spent, 1), "memory_mb": memory_mb(pid)}


def set_up(folder: Path, manage: Sequence[str]) -> None:
    """Make an installation in a folder, and this process one of its own."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "ctaopt.settings.prod",
        "CTAOPT_DATA_DIR": str(folder),
        "CTAOPT_SCORING_URL": f"unix:{folder}/scoring.sock",
        "SECRET_KEY": "benchmark " * 5,
    }
    subprocess.run([*manage, "migrate", "-v", "0"], cwd=PROJECT, check=True)
    import django  # noqa: PLC0415

    django.setup()


def summary(taken: Mapping[str, list[float]]) -> dict[str, Any]:
    """Return p50 and p95 of each kind of answer, without the first tenth."""
    warm = {name: each[len(each) // 10 :] for name, each in taken.items()}
    service, bare = warm["service"], warm["bare_int8"]
    ratios = [whole / part for whole, part in zip(service, bare, strict=bool(bare))]
    return {
        "ten_wordings_ms": spread(service),
        "bare_int8_ms": spread(bare) if bare else None,
        # Of all cores together; it depends less on what else the machine does.
        "bare_int8_cpu_ms": spread(warm["bare_int8_cpu"]) if bare else None,
        "ratio_to_bare_int8": round(median(ratios), 2) if bare else None,
        "page_with_explanations_and_rewordings_ms": spread(warm["page"]),
    }


def milliseconds(call: Callable[..., object], asked: list[str], **more: int) -> float:
    began = time.perf_counter()
    call(asked, **more)
    return 1000 * (time.perf_counter() - began)


def spread(taken: list[float]) -> dict[str, float]:
    return {"p50": round(median(taken), 1), "p95": round(quantiles(taken, n=20)[-1], 1)}


def ten_wordings(words: Sequence[list[str]], rng: np.random.Generator) -> list[str]:
    chosen = rng.choice(len(words), size=10, replace=False)
    return [" ".join(words[at][-CTA_WORDS:]) for at in chosen]


def cpu_ms(parent: int) -> float:
    """Return the processor time of a process and its children, of all cores together."""
    import psutil  # noqa: PLC0415

    whole = [psutil.Process(parent), *psutil.Process(parent).children(recursive=True)]
    return 1000 * sum(each.cpu_times().user + each.cpu_times().system for each in whole)


def memory_mb(parent: int) -> int:
    """Return the resident memory of a process and its children."""
    import psutil  # noqa: PLC0415

    whole = [psutil.Process(parent), *psutil.Process(parent).children(recursive=True)]
    return round(sum(each.memory_info().rss for each in whole) / 2**20)
