"""CPU time of the web server for one request, beside floors measured in the same run.

Requests come one after the other over one kept connection; what is read is the CPU time that the
server's processes used (/proc), divided by the requests. On a shared machine that is far steadier
than requests a second, which depend on the client and the neighbours. Rounds of all targets are
interleaved, and the median of the rounds is the result.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from time import sleep

from recording import PROJECT, record

ROUNDS = 5
REQUESTS = 2_000
WARM_UP = 200
PORTS = {"service": 18_431, "bare": 18_432}
TICK_S = 1 / os.sysconf("SC_CLK_TCK")

# The least that granian and WSGI cost: no routing, no work, a constant answer.
BARE = """
def application(environ, start_response):
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]
"""
CONTEXT = {"context": {"targetingKey": "v-1", "locale": "fr", "device": "mobile"}}
TARGETS = {
    "floor: bare WSGI": ("bare", "POST", "/", CONTEXT),
    "a Django view, all middleware": ("service", "GET", "/i18n/setlang/", None),
    "OFREP, one slot": ("service", "POST", "/ofrep/v1/evaluate/flags/hero-signup", CONTEXT),
    "OFREP, every slot": ("service", "POST", "/ofrep/v1/evaluate/flags", CONTEXT),
    "cta.js": ("service", "GET", "/cta.js", None),
    "healthz": ("service", "GET", "/healthz", None),
}
HEADERS = {"Authorization": "Bearer demo-client-key", "Content-Type": "application/json"}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "CTAOPT_DATA_DIR": f"{folder}/data",
            "DJANGO_SETTINGS_MODULE": "ctaopt.settings.demo",
        }
        load_demo(environment)
        Path(folder, "bare.py").write_text(BARE)
        servers = {
            "service": start("ctaopt.wsgi:application", PORTS["service"], PROJECT, environment),
            "bare": start("bare:application", PORTS["bare"], Path(folder), environment),
        }
        try:
            for target in TARGETS.values():
                wait_for(target)
                measure(servers, target, WARM_UP)
            rounds = [
                {name: measure(servers, target, REQUESTS) for name, target in TARGETS.items()}
                for _ in range(ROUNDS)
            ]
        finally:
            for server in servers.values():
                server.terminate()
                server.wait()
    record("serving", {"requests_a_round": REQUESTS, "cpu_us_a_request": summary(rounds)})


def load_demo(environment: dict[str, str]) -> None:
    script = (
        "import django; django.setup();"
        "from datetime import UTC, datetime; from django.conf import settings;"
        "from django.core.management import call_command;"
        "from experiments.services.demo import load_demo;"
        "call_command('migrate', verbosity=0);"
        "load_demo(work_dir=settings.DATA_DIR, now=datetime.now(UTC))"
    )
    subprocess.run([sys.executable, "-c", script], cwd=PROJECT, env=environment, check=True)


def start(app: str, port: int, folder: Path, environment: dict[str, str]) -> subprocess.Popen:
    command = ["granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--blocking-threads"]
    return subprocess.Popen(
        [sys.executable, "-m", *command, "1", "--port", str(port), app],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(target: tuple) -> None:
    for _ in range(300):
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", PORTS[target[0]])) as connection:
                send(connection, target)
        except OSError:
            sleep(0.1)
        else:
            return
    raise SystemExit(f"{target[0]} did not answer")


def send(connection: http.client.HTTPConnection, target: tuple) -> None:
    _, method, path, content = target
    body = None if content is None else json.dumps(content).encode()
    connection.request(method, path, body, HEADERS)
    response = connection.getresponse()
    response.read()
    # The language view answers a GET at once: the least that Django's own path costs.
    assert response.status in (200, 302, 405), (path, response.status)


def measure(servers: dict[str, subprocess.Popen], target: tuple, requests: int) -> float:
    """Return the server's CPU microseconds a request."""
    server = servers[target[0]]
    with closing(http.client.HTTPConnection("127.0.0.1", PORTS[target[0]])) as connection:
        before = cpu_seconds(server.pid)
        for _ in range(requests):
            send(connection, target)
        return (cpu_seconds(server.pid) - before) / requests * 1e6


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ticks = 0
    for number in [pid, *map(int, children)]:
        fields = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks * TICK_S


def summary(rounds: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    return {
        name: {
            "median": round(statistics.median(values), 1),
            "low": round(min(values), 1),
            "high": round(max(values), 1),
        }
        for name in TARGETS
        if (values := [row[name] for row in rounds])
    }


if __name__ == "__main__":
    main()
