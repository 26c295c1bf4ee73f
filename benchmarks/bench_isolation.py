"""Evaluations while others keep the service busy, beside quiet moments of the same run.

The service runs as an installation does (ctaopt.serve), with the demo's catalogue and an archive of
300,000 past wordings. Before each disturbance a quiet moment is measured; what is reported is the
ratio of the two, the median and the worst of the rounds. Nothing is pinned to a core: the
disturbances, the service and the client share what there is, as on a small server.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from time import sleep
from typing import Any

from disturbances import ALL
from load import Measured, Target, family, load
from recording import PROJECT, record

sys.path.insert(0, str(PROJECT))

from tests.end_to_end.live_service import LiveService

ROUNDS, SECONDS, SETTLE_S = 3, 3.0, 2.0
N_ROWS = 300_000
CONNECTIONS, PAUSE_MS = 4, 8
MOST_RATIO, MOST_MS = 3.0, 300.0
OFREP = "/ofrep/v1/evaluate/flags/hero-signup"


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        service = LiveService(folder)
        stack.callback(service.stop)
        load_archive(service, folder)
        for _ in range(3):
            measure(service)  # Warm, the first page of Django too.
        rounds = [one_round(service) for _ in range(ROUNDS)]
        memory = {str(pid): resident_mb(pid) for pid in family(service.web.pid)}
    rows = {name: summary([row[name] for row in rounds]) for name in ALL}
    record(
        "isolation",
        {
            "what": "OFREP's latency while others keep the service busy; ratios within a round",
            "rounds": ROUNDS,
            "seconds_a_round": SECONDS,
            "connections": CONNECTIONS,
            "wanted": {"ratio_of_p99": MOST_RATIO, "max_ms": MOST_MS},
            "disturbances": rows,
            "is_met": all(row["is_met"] for row in rows.values()),
            "resident_mb": memory,
        },
    )


def one_round(service: LiveService) -> dict[str, tuple[Measured, Measured]]:
    found = {}
    for name in ALL:
        quiet = measure(service)
        with subprocess.Popen(
            [sys.executable, "benchmarks/disturbances.py", name, str(service.port), service.folder],
            cwd=PROJECT,
            env=service.environment,
            start_new_session=True,
        ) as disturbance:
            try:
                sleep(SETTLE_S)
                busy = measure(service)
            finally:
                os.killpg(disturbance.pid, signal.SIGKILL)
        sleep(SETTLE_S)
        found[name] = (quiet, busy)
    return found


def measure(service: LiveService) -> Measured:
    bodies = [
        json.dumps({"context": {"targetingKey": f"v-{number}", "locale": "fr"}})
        for number in range(500)
    ]
    target = Target(
        server="web",
        port=service.port,
        method="POST",
        requests=[(OFREP, body) for body in bodies],
        headers={"Authorization": "Bearer demo-client-key", "Content-Type": "application/json"},
    )
    return load(
        target,
        pid=service.web.pid,
        seconds=SECONDS,
        connections=CONNECTIONS,
        pause_ms=PAUSE_MS,
    )


def load_archive(service: LiveService, folder: Path) -> None:
    for name in ("first", "more"):
        write_history(folder / f"{name}.csv", name)
    subprocess.run(
        [sys.executable, "manage.py", "import_history", folder / "first.csv", "--site", "demo"],
        cwd=PROJECT,
        env=service.environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )


def write_history(path: Path, name: str) -> None:
    words = ("Get", "Try", "Save now", "Free", "Your", "Start", "Discover", "Join")
    with path.open("w") as file:
        file.write("test,context,text,visitors,clicks,audience,locale,suspect\n")
        for number in range(N_ROWS):
            text = f"{words[number % 8]} {words[number // 8 % 8]} offer {number % 977}"
            clicks = 40 + number * 7919 % 60
            file.write(f"{name}-{number // 4},c,{text},1000,{clicks},,en,false\n")


def summary(pairs: list[tuple[Measured, Measured]]) -> dict[str, Any]:
    ratios = [busy.p99_ms / quiet.p99_ms for quiet, busy in pairs]
    worst = max(busy.max_ms for _, busy in pairs)
    return {
        "quiet_p99_ms": [round(quiet.p99_ms, 2) for quiet, _ in pairs],
        "quiet_max_ms": [round(quiet.max_ms, 2) for quiet, _ in pairs],
        "p99_ms": [round(busy.p99_ms, 2) for _, busy in pairs],
        "max_ms": [round(busy.max_ms, 2) for _, busy in pairs],
        "per_s": round(statistics.median(busy.per_s for _, busy in pairs)),
        "ratio_of_p99": round(statistics.median(ratios), 2),
        "worst_ratio": round(max(ratios), 2),
        "is_met": statistics.median(ratios) <= MOST_RATIO and worst <= MOST_MS,
    }


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    kilobytes = next(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line)
    return round(kilobytes / 1024, 1)


if __name__ == "__main__":
    main()
