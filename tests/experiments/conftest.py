import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def conformance(shared_dir: Path) -> dict[str, list[list[Any]]]:
    """GrowthBook's language-independent SDK cases, by section."""
    return json.loads((shared_dir / "conformance" / "growthbook-cases.json").read_text())
