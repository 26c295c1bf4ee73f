"""Serving under load on one core, beside floors and a peer measured in the same run.

Each server runs as one worker pinned to one core; wrk, on the other, keeps 16 connections busy.
Targets take turns in short rounds, and what is reported is the median of the rounds, with ratios
made inside each round: machines and neighbours change from one minute to the next, a round does
not last long enough. CPU time a request stands beside the rates.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from time import sleep
from typing import Any

from load import CONNECTIONS, Measured, Target, family, granian, load, serve
from peers import FRONTEND, MissingPeerError, Unleash
from recording import PROJECT, record

ROUNDS, SECONDS, WARM_UP_S = 7, 2.0, 1.0
PORTS = {"bare": 18_430, "few": 18_431, "ten": 18_432, "many": 18_433, "unleash": 18_434}
PORTS |= {"front": 18_435, "threads": 18_436}
SLOTS = {"few": 3, "ten": 10, "many": 1_000, "front": 3, "threads": 3}
KEY = "bench-client-key"
OFREP, PAYLOAD = "/ofrep/v1/evaluate/flags", f"/api/features/{KEY}"
N_VISITORS = 2_000
# Some connections, each with pauses of its own: 80 % of what the server can do.
PART, MANY_CONNECTIONS = 0.8, 128
# The least that granian and WSGI cost: no routing, no work, a constant answer of that many bytes.
BARE = """
import os
BODY = b"x" * int(os.environ["BODY_BYTES"])
ANSWERS = {
    "/same-size": (BODY, [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]),
    "/hello": (b"hello", [("Content-Type", "text/plain"), ("Content-Length", "5")]),
}
def application(environ, start_response):
    if environ["REQUEST_METHOD"] == "POST":
        environ["wsgi.input"].read()
    body, headers = ANSWERS[environ["PATH_INFO"]]
    start_response("200 OK", headers)
    return [body]
"""


BARE_SAME, BARE_HELLO = "floor: bare answer of its size", "floor: bare hello"
ONE, ONE_OF_TEN, ONE_OF_MANY = (f"OFREP, one slot, {n} live" for n in ("3", "10", "1,000"))
CROWDED, ALL = "OFREP, a slot with 3 live, 2 audiences asked", "OFREP, every slot, 3 live"
KNOWN, WHOLE = "payload, known version", "payload, whole, 3 live"
FRONT, FRONT_PAYLOAD = "OFREP, one slot, 3 live, ctaopt.serve", "payload, ctaopt.serve, 3 live"
THREADS = "OFREP, one slot, 3 live, WSGI with 4 threads"
PEER = f"{Unleash.name}, 3 flags"
# Name, above, below, and the least that the ratio of their rates should be.
RATIOS = (
    ("one slot / bare answer of its size", ONE, BARE_SAME, 0.5),
    ("payload, known version / bare hello", KNOWN, BARE_HELLO, 0.8),
    ("one slot / Unleash, 3 flags", ONE, PEER, 5.0),
    ("every slot / Unleash, 3 flags", ALL, PEER, None),
    ("one slot, 1,000 live / 10 live", ONE_OF_MANY, ONE_OF_TEN, None),
    ("crowded slot / one slot", CROWDED, ONE, None),
    # What the isolation costs: the same code in one process, in one thread and in four.
    ("ctaopt.serve / WSGI, 1 thread", FRONT, ONE, None),
    ("ctaopt.serve / WSGI, 4 threads", FRONT, THREADS, None),
    ("payload: ctaopt.serve / WSGI, 1 thread", FRONT_PAYLOAD, WHOLE, None),
)
MAX_P99_MS, MAX_RSS_MB = 10.0, 120.0


def main() -> None:
    with ExitStack() as stack:
        pids, absent = start_all(stack)
        targets = {name: one for name, one in all_targets().items() if one.server in pids}
        for target in targets.values():
            run(pids, target, WARM_UP_S)
        rounds = [
            {name: run(pids, target, SECONDS) for name, target in targets.items()}
            for _ in range(ROUNDS)
        ]
        latencies = {
            name: latency(pids, targets[name], median_rate(rounds, name))
            for name in (BARE_SAME, ONE)
        }
        memory = {f"{SLOTS[name]} live": worker_memory(pids[name]) for name in ("few", "many")}
        memory["3 live, ctaopt.serve"] = worker_memory(pids["front"])
    record(
        "serving",
        {
            "what": "one worker on one core; medians of rounds (low, high), ratios within a round",
            "rounds": ROUNDS,
            "seconds_a_round": SECONDS,
            "connections": CONNECTIONS,
            "absent": absent,
            "targets": {name: summary([row[name] for row in rounds]) for name in targets},
            "ratios": all_ratios(rounds),
            "latency_at_80_percent": latencies
            | {"wanted_ms": MAX_P99_MS, "is_met": latencies[ONE]["p99_ms"] < MAX_P99_MS},
            "worker_memory": memory
            | {
                "wanted_mb": MAX_RSS_MB,
                "is_met": all(
                    one["rss_mb"] < MAX_RSS_MB and not one["has_torch"] for one in memory.values()
                ),
            },
        },
    )


def start_all(stack: ExitStack) -> tuple[dict[str, int], list[str]]:
    """Start every server; return their process numbers, and what is missing."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    processes = {name: start_service(name, folder) for name in SLOTS}
    for name, process in processes.items():
        stack.callback(end, process)
        wait_for(f"http://127.0.0.1:{PORTS[name]}/readyz")
    Path(folder, "bare.py").write_text(BARE)
    environment = os.environ | {"BODY_BYTES": str(len(one_answer()))}
    bare = granian("bare:application", PORTS["bare"], folder=folder, environment=environment)
    stack.callback(end, bare)
    wait_for(f"http://127.0.0.1:{PORTS['bare']}/hello")
    pids = {name: process.pid for name, process in processes.items()} | {"bare": bare.pid}
    try:
        unleash = Unleash(PORTS["unleash"], flags=["one", "two", "three"])
    except MissingPeerError as error:
        return pids, [f"{PEER}: {error}"]
    stack.callback(unleash.stop)
    return pids | {"unleash": unleash.process.pid}, []


def start_service(name: str, folder: Path) -> "subprocess.Popen[bytes]":
    environment = os.environ | {
        "CTAOPT_DATA_DIR": f"{folder}/{name}",
        "DJANGO_SETTINGS_MODULE": "ctaopt.settings.demo",
        # The limit is counted as ever, and not reached.
        "CTAOPT_RATE_LIMIT_PER_S": "10000000",
    }
    script = [PROJECT / "benchmarks" / "live_catalogue.py", str(SLOTS[name])]
    crowded = ["crowded"] if name == "few" else []
    subprocess.run([sys.executable, *script, *crowded], env=environment, check=True)
    if name == "front":
        return serve(PORTS[name], folder=PROJECT, environment=environment)
    app, threads = "ctaopt.wsgi:application", 4 if name == "threads" else 1
    return granian(app, PORTS[name], folder=PROJECT, environment=environment, threads=threads)


def all_targets() -> dict[str, Target]:
    contexts = [
        json.dumps({"context": {"targetingKey": visitor, "locale": "fr", "device": "mobile"}})
        for visitor in (f"{number:08x}-6f1c-4c1e" for number in range(N_VISITORS))
    ]
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}

    def post(server: str, *paths: str) -> Target:
        requests = [(paths[n % len(paths)], body) for n, body in enumerate(contexts)]
        port = PORTS[server]
        return Target(server=server, port=port, method="POST", requests=requests, headers=headers)

    def get(server: str, path: str, **extra: str) -> Target:
        return Target(server=server, port=PORTS[server], requests=[(path, "")], headers=extra)

    def slots(server: str) -> list[str]:
        return [f"{OFREP}/slot-{number}" for number in range(SLOTS[server])]

    visitors = [(f"/api/frontend?userId=v-{number}", "") for number in range(N_VISITORS)]
    return {
        BARE_SAME: post("bare", "/same-size"),
        ONE: post("few", *slots("few")),
        PEER: Target(
            server="unleash",
            port=PORTS["unleash"],
            requests=visitors,
            headers={"Authorization": FRONTEND},
        ),
        ALL: post("few", OFREP),
        CROWDED: post("few", f"{OFREP}/crowded"),
        ONE_OF_TEN: post("ten", *slots("ten")),
        ONE_OF_MANY: post("many", *slots("many")),
        BARE_HELLO: get("bare", "/hello"),
        KNOWN: get("few", PAYLOAD, **{"If-None-Match": etag()}),
        WHOLE: get("few", PAYLOAD),
        FRONT: post("front", *slots("front")),
        FRONT_PAYLOAD: get("front", PAYLOAD),
        THREADS: post("threads", *slots("threads")),
    }


def run(pids: dict[str, int], target: Target, seconds: float) -> Measured:
    return load(target, pid=pids[target.server], seconds=seconds)


def latency(pids: dict[str, int], target: Target, rate: float) -> dict[str, float]:
    """Measure at a part of the full rate: each of many connections pauses between its requests."""
    wanted, pause_ms = PART * rate, MANY_CONNECTIONS / (PART * rate) * 1e3
    for _ in range(3):  # The pause that gives this rate depends on the answer's time.
        measured = load(
            target,
            pid=pids[target.server],
            seconds=2 * SECONDS,
            connections=MANY_CONNECTIONS,
            pause_ms=max(round(pause_ms), 1),
        )
        pause_ms *= measured.per_s / wanted
    return {
        "part_of_full_load": round(measured.per_s / rate, 2),
        "p50_ms": round(measured.p50_ms, 2),
        "p99_ms": round(measured.p99_ms, 2),
    }


def one_answer() -> bytes:
    """Return the answer whose size the bare server copies."""
    body = b'{"context": {"targetingKey": "v-1", "locale": "fr"}}'
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{PORTS['few']}{OFREP}/slot-0"
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
        return answer.read()


def etag() -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{PORTS['few']}{PAYLOAD}") as answer:
        return answer.headers["ETag"]


def worker_memory(pid: int) -> dict[str, Any]:
    # Not Django's process, which ctaopt.serve runs beside it.
    own = [one for one in family(pid) if b"django" not in Path(f"/proc/{one}/cmdline").read_bytes()]
    worker = own[-1]
    status = Path(f"/proc/{worker}/status").read_text()
    resident_kb = next(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line)
    has_torch = "torch" in Path(f"/proc/{worker}/maps").read_text()
    return {"rss_mb": round(resident_kb / 1024, 1), "has_torch": has_torch}


def median_rate(rounds: list[dict[str, Measured]], name: str) -> float:
    return statistics.median(row[name].per_s for row in rounds)


def summary(values: list[Measured]) -> dict[str, Any]:
    rates = [value.per_s for value in values]
    return {
        "per_s": round(statistics.median(rates)),
        "low": round(min(rates)),
        "high": round(max(rates)),
        "cpu_us": round(statistics.median(value.cpu_us for value in values), 1),
        "p50_ms": round(statistics.median(value.p50_ms for value in values), 2),
        "p99_ms": round(statistics.median(value.p99_ms for value in values), 2),
    }


def all_ratios(rounds: list[dict[str, Measured]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, above, below, wanted in RATIOS:
        if below not in rounds[0]:
            continue
        rates = [row[above].per_s / row[below].per_s for row in rounds]
        cpu = [row[below].cpu_us / row[above].cpu_us for row in rounds]
        found[name] = {
            "of_rates": round(statistics.median(rates), 2),
            "low": round(min(rates), 2),
            "high": round(max(rates), 2),
            "of_cpu_time": round(statistics.median(cpu), 2),
        }
        if wanted is not None:
            # Rates say little while neighbours use the cores, CPU time little about waiting.
            worse = min(statistics.median(rates), statistics.median(cpu))
            found[name] |= {"wanted": wanted, "is_met": worse >= wanted}
    return found


def wait_for(url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310  our own address
        except OSError:
            sleep(0.1)
        else:
            return
    raise SystemExit(f"{url} did not answer")


def end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(timeout=30)


if __name__ == "__main__":
    main()
