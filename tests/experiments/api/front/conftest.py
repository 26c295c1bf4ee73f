"""The threads of these tests serve; those of the next may wait for the database again."""

from collections.abc import Iterator

import pytest

from experiments.services.serving.database_waits import Waits, set_waits


@pytest.fixture(autouse=True)
def waiting_is_allowed_again() -> Iterator[None]:
    yield
    set_waits(Waits.ALLOWED)
