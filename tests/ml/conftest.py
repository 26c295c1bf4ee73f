from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def upworthy_csv():
    """The Upworthy Research Archive beside the project."""
    path = Path(__file__).resolve().parents[2].parent / "shared/data/upworthy/history.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    return path
