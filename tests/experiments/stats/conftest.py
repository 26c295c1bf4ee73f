import numpy as np
import pytest

from experiments.stats.estimation.sufficient_statistics import Mean, Proportion


@pytest.fixture
def library_arms(shared_dir):
    """The Montana State University library test: the real counts behind the demo."""
    path = shared_dir / "data" / "msu_library" / "arms.csv"
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
