"""Load on an HTTP server with wrk: the server on one core, the client on another."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

# What a server may use, and what drives it. The client's core is never the server's.
SERVER_CORE, CLIENT_CORE = "0", "1"
CONNECTIONS = 16
TICK_S = 1 / os.sysconf("SC_CLK_TCK")

# The requests are made before the clock runs; wrk then only sends them in turn.
SCRIPT = """
local requests, n, pause = {}, 0, %(pause_ms)d
function init()
  for line in io.lines(%(lines)s) do
    local path, body = line:match("^(%%S+) ?(.*)$")
    if body == "" then body = nil end
    requests[#requests + 1] = wrk.format(%(method)s, path, %(headers)s, body)
  end
end
function request()
  n = n %% #requests + 1
  return requests[n]
end
if pause > 0 then
  function delay() return math.random(0, 2 * pause) end
end
function done(summary, latency)
  local errors = summary.errors
  io.stderr:write(string.format(
    '{"requests": %%d, "seconds": %%f, "p50_ms": %%f, "p99_ms": %%f, ' ..
    '"max_ms": %%f, "refused": %%d, "broken": %%d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Requests to one server, sent in turn: paths, and bodies where there are any."""

    server: str
    port: int
    method: str = "GET"
    requests: list[tuple[str, str]]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What came of some seconds of load; `cpu_us` is the server's CPU time a request."""

    per_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_us: float


def wrk_program() -> str:
    """Return the path of wrk, or end the benchmark with what to install."""
    program = shutil.which("wrk")
    if program is None:
        raise SystemExit("wrk is not installed (Debian package wrk)")
    return program


def load(
    target: Target, *, pid: int, seconds: float, connections: int = CONNECTIONS, pause_ms: int = 0
) -> Measured:
    """Return what the server does under load; no request may fail.

    Args:
        target: What is asked.
        pid: The server's process, its children included.
        seconds: How long.
        connections: Kept open; each waits for its answer before it asks again.
        pause_ms: Mean pause of a connection between answer and question, for less than full load.
    """
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder, "requests")
        lines.write_text("".join(f"{path} {body}\n" for path, body in target.requests))
        script = Path(folder, "load.lua")
        script.write_text(_script(target, lines, pause_ms))
        before = cpu_seconds(pid)
        command = ["taskset", "-c", CLIENT_CORE, wrk_program(), "-t1", f"-c{connections}"]
        result = subprocess.run(
            [*command, f"-d{seconds:g}s", "-s", script, f"http://127.0.0.1:{target.port}"],
            capture_output=True,
            text=True,
            check=True,
        )
        used_s = cpu_seconds(pid) - before
    counts = json.loads(result.stderr.strip().splitlines()[-1])
    assert counts["refused"] == counts["broken"] == 0, (target.requests[0], counts)
    return Measured(
        per_s=counts["requests"] / counts["seconds"],
        p50_ms=counts["p50_ms"],
        p99_ms=counts["p99_ms"],
        max_ms=counts["max_ms"],
        cpu_us=used_s / counts["requests"] * 1e6,
    )


def granian(
    app: str, port: int, *, folder: Path, environment: dict[str, str], threads: int = 1
) -> "subprocess.Popen[bytes]":
    """Start one worker of granian on the server's core, as the documentation says."""
    options = ["--interface", "wsgi", "--http", "1", "--no-ws", "--workers", "1"]
    return subprocess.Popen(
        [
            *("taskset", "-c", SERVER_CORE, sys.executable, "-m", "granian", *options),
            *("--blocking-threads", str(threads), "--port", str(port), app),
        ],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def serve(port: int, *, folder: Path, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start ctaopt.serve with one worker on the server's core, Django's process beside it."""
    command = ["taskset", "-c", SERVER_CORE, sys.executable, "-m", "ctaopt.serve"]
    return subprocess.Popen(
        [*command, "--port", str(port)],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def family(pid: int) -> list[int]:
    """Return the numbers of a process and of all that descend from it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(one for child in children for one in family(int(child)))]


def cpu_seconds(pid: int) -> float:
    ticks = 0
    for number in family(pid):
        fields = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks * TICK_S


def _script(target: Target, lines: Path, pause_ms: int) -> str:
    pairs = ", ".join(
        f"[{json.dumps(name)}]={_lua(value)}" for name, value in target.headers.items()
    )
    return SCRIPT % {
        "lines": _lua(str(lines)),
        "method": _lua(target.method),
        "headers": f"{{{pairs}}}",
        "pause_ms": pause_ms,
    }


def _lua(text: str) -> str:
    assert "]=]" not in text
    return f"[=[{text}]=]"
