"""Where a benchmark's numbers go, with the machine and the commit that they belong to."""

import json
import os
import platform
import statistics
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT / "benchmarks" / "results"


def record(name: str, content: dict[str, Any]) -> None:
    """Write benchmarks/results/NAME.json and print it."""
    whole = {
        "name": name,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short=12", "HEAD") + ("+" if _git("status", "-s") else ""),
        "machine": machine(),
        **content,
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(whole, indent=2)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    print(text)


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(PROJECT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def machine() -> dict[str, Any]:
    """Return the machine and its load."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "")
    return {
        "cpu": model or platform.machine(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "loop_ms": loop_ms(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def loop_ms() -> float:
    """Return the processor time of a fixed loop: shared machines are half as fast on some days."""
    times = []
    for _ in range(9):
        start = process_time()
        sum(number * number % 7 for number in range(100_000))
        times.append(process_time() - start)
    return round(1_000 * statistics.median(times), 1)
