from pathlib import Path

import pytest
from hypothesis import settings

# A shared machine has slow moments; a deadline would make them test failures.
settings.register_profile("ctaopt", deadline=None)
settings.load_profile("ctaopt")


@pytest.fixture(scope="session")
def shared_dir(pytestconfig: pytest.Config) -> Path:
    """The folder of shared data beside the project; mark such a test `needs_shared`."""
    folder = pytestconfig.rootpath.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"the shared data are not at {folder}")
    return folder
