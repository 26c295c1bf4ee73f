from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from experiments.stats.sufficient import Mean, Proportion

# A machine shared by several suites makes any time limit of an example flaky.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SHARED = Path(__file__).resolve().parents[3].parent / "shared"


@pytest.fixture
def library_arms():
    """The Montana State University library test: the real counts behind the demo."""
    path = SHARED / "data" / "msu_library" / "arms.csv"
    if not path.exists():
        pytest.skip(f"{path} is absent: it stands beside the project, outside the repository")
    columns = np.genfromtxt(path, delimiter=",", names=True, dtype=None, encoding="utf-8")
    return Proportion(n=columns["visitors"].astype(float), sum=columns["clicks"].astype(float))


@pytest.fixture
def two_proportions():
    return Proportion(n=np.array([10_000.0, 10_000.0]), sum=np.array([500.0, 580.0]))


@pytest.fixture
def two_means():
    """GrowthBook's own test case (packages/stats, test_tests.py)."""
    return Mean(
        n=np.array([3407.0, 3461.0]),
        sum=np.array([1396.87, 2422.7]),
        sum_squares=np.array([52377.9767, 134698.29]),
    )
