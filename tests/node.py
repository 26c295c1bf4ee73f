"""Runs a script of tests/clients under Node.js, with the packages that `npm ci` put there."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CLIENTS = Path(__file__).parent / "clients"


def run_node(script: str, content: Any, *, timeout_s: float = 120) -> Any:
    """Return the JSON that the script writes when it reads `content`."""
    result = subprocess.run(
        [node(), script],
        cwd=CLIENTS,
        env=os.environ | {"NODE_ENV": "production"},
        input=json.dumps(content),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def node() -> str:
    """Return the path of Node.js; skip the test where it or the packages are not there."""
    program = shutil.which("node")
    if program is None or not (CLIENTS / "node_modules").is_dir():
        pytest.skip("the JavaScript clients are not there: npm ci --prefix tests/clients")
    return program
