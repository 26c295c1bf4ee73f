"""Processor time of an OFREP evaluation in process, beside other checkouts of the code.

    bench_evaluation.py [CHECKOUT...]

No socket and no server: what the code itself costs, which the cost of system calls would hide on
some machines. Checkouts (`git worktree add`) take turns, each in processes of its own with this
one's environment; ratios are made within a round, and medians of the rounds are kept. The floor
reads and decodes the same bodies and answers a constant.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from recording import PROJECT, record

ROUNDS = 7
FLOOR, OWN = "floor", "this checkout"
# Runs in a checkout: prints microseconds of processor time a request, of the application and of
# the floor, the median of some thousand at a time.
MEASURE = """
import io, json, os, statistics, sys, time
from ctaopt.wsgi import application

REQUESTS, TIMES = 3_000, 9
BODIES = [
    json.dumps({"context": {"targetingKey": f"{n:08x}-6f1c", "locale": "fr", "device": "mobile"}})
    for n in range(REQUESTS)
]
HEADERS = {
    "REQUEST_METHOD": "POST", "QUERY_STRING": "", "CONTENT_TYPE": "application/json",
    "HTTP_AUTHORIZATION": "Bearer bench-client-key", "HTTP_HOST": "127.0.0.1:8000",
    "REMOTE_ADDR": "127.0.0.1", "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000",
    "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr,
}

def floor(environ, start_response):
    json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b"{}"]

def ask_all(app):
    said = []
    began = time.thread_time()
    for number, text in enumerate(BODIES):
        body = text.encode()
        environ = HEADERS | {
            "PATH_INFO": f"/ofrep/v1/evaluate/flags/slot-{number % 3}",
            "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body),
        }
        app(environ, lambda status, headers, _=None: said.append(status))
    used = time.thread_time() - began
    assert set(said) == {"200 OK"}, set(said)
    return used / REQUESTS * 1e6

apps = {"application": application, "floor": floor}
ask_all(application)
times = {name: statistics.median(ask_all(app) for _ in range(TIMES)) for name, app in apps.items()}
print(json.dumps(times), flush=True)
os._exit(0)  # Threads of the snapshot run on.
"""


def main(checkouts: list[Path]) -> None:
    trees = {OWN: PROJECT} | {commit_of(path): path for path in checkouts}
    with tempfile.TemporaryDirectory() as folder:
        for number, tree in enumerate(trees.values()):
            run(tree, folder, number, [str(tree / "benchmarks" / "live_catalogue.py"), "3"])
        rounds = []
        for _ in range(ROUNDS):
            row: dict[str, float] = {}
            for number, (name, tree) in enumerate(trees.items()):
                found = json.loads(run(tree, folder, number, ["-c", MEASURE]))
                row[name], row[FLOOR] = found["application"], found["floor"]
            rounds.append(row)
    record(
        "evaluation",
        {
            "unit": "microseconds of processor time an evaluation",
            "rounds": ROUNDS,
            "medians": {
                name: round(statistics.median(row[name] for row in rounds), 1)
                for name in (*trees, FLOOR)
            },
            "ratio_of_this_checkout_to": {
                name: round(statistics.median(row[OWN] / row[name] for row in rounds), 2)
                for name in (*trees, FLOOR)
                if name != OWN
            },
        },
    )


def commit_of(tree: Path) -> str:
    command = ["git", "-C", str(tree), "rev-parse", "--short=12", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def run(tree: Path, folder: str, number: int, command: list[str]) -> str:
    """Run Python in a checkout, on the database of its own; return what it printed."""
    environment = os.environ | {
        "CTAOPT_DATA_DIR": f"{folder}/{number}",
        "DJANGO_SETTINGS_MODULE": "ctaopt.settings.demo",
        "PYTHONPATH": str(tree),
        # The limit is counted as ever, and not reached.
        "CTAOPT_RATE_LIMIT_PER_S": "10000000",
    }
    done = subprocess.run(
        [sys.executable, *command], cwd=tree, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    main([Path(argument).resolve() for argument in sys.argv[1:]])
