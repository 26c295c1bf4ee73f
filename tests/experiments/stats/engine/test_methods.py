import math

import pytest
from scipy.stats import fisher_exact, norm

from experiments.stats.engine.methods import exact_rows, fixed_rows, sequential_rows
from experiments.stats.engine.request import parse_request


def asked(method, counts, **changes):
    arms = [{"name": f"arm {i}", "n": n, "sum": clicks} for i, (n, clicks) in enumerate(counts)]
    return parse_request({"metric": "proportion", "method": method, "arms": arms} | changes)


def test_fixed_row_is_the_pooled_z_test():
    (row,) = fixed_rows(asked("fixed", [(10_000, 500), (10_000, 580)]))
    pooled = 1_080 / 20_000
    z = 0.008 / math.sqrt(pooled * (1 - pooled) * 2 / 10_000)
    assert row.p_value == pytest.approx(2 * norm.sf(z))
    assert row.lift == pytest.approx(0.16)


def test_sequential_row_asks_for_more_than_the_fixed_one():
    counts = [(10_000, 500), (10_000, 580)]
    (fixed,) = fixed_rows(asked("fixed", counts))
    (anytime,) = sequential_rows(asked("sequential", counts))
    assert anytime.p_value > fixed.p_value
    assert anytime.effect == fixed.effect


def test_exact_row_of_many_visitors_is_fishers_test():
    (row,) = exact_rows(asked("exact", [(5_000, 3), (5_000, 14)]))
    assert row.p_value == pytest.approx(fisher_exact([[3, 4_997], [14, 4_986]]).pvalue)
    assert any("isher" in note for note in row.notes)


@pytest.mark.parametrize("rows", [fixed_rows, sequential_rows, exact_rows])
def test_every_method_returns_a_row_for_each_arm_but_the_control(rows):
    method = rows.__name__.removesuffix("_rows")
    counts = [(1_000, 50), (1_000, 60), (1_000, 70)]
    assert len(rows(asked(method, counts))) == 2
