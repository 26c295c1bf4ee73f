import pytest


@pytest.fixture(scope="session")
def upworthy_csv(shared_dir):
    """The Upworthy Research Archive; a test that reads it is marked `needs_shared`."""
    path = shared_dir / "data/upworthy/history.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    return path
