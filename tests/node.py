"""Runs a script of tests/clients under Node.js, with the packages that `npm ci` put there."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.missing import node

CLIENTS = Path(__file__).parent / "clients"


def run_node(script: str, content: Any, *, timeout_s: float = 120) -> Any:
    """Return the JSON that the script writes when it reads `content`."""
    result = subprocess.run(
        [node(CLIENTS), script],
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
