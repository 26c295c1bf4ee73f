"""Cells of the notebook: what holds at every look."""

import numpy as np
import pytest

from experiments.services.documents.notebook import sequential_cells
from tests.experiments.services.documents.notebook.test_cells import cells_of, modules_in, run_cells

USED = (sequential_cells.BOUNDARY,)


@pytest.mark.parametrize("name", cells_of(sequential_cells))
def test_cell_imports_nothing(name):
    assert modules_in(cells_of(sequential_cells)[name]) == set()


def test_smallest_error_rate_that_rejects_is_that_of_the_boundary():
    # Lan and DeMets' end at the planned visitors: docs/statistics.md, by bivariate normals.
    names = run_cells(*USED)
    start = names["line_start"](0.05)
    edge = names["end_edge"](start, 0.05, 1.0)
    assert edge == pytest.approx(2.086, abs=5e-4)
    assert names["end_p"](edge, 1.0) == pytest.approx(0.05, rel=1e-6)
    assert names["look_p"]((start + 0.3) / np.sqrt(0.6), 0.6, 0) == pytest.approx(0.05, rel=1e-6)
