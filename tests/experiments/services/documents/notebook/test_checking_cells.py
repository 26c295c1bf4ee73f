"""Cells of the notebook: the split, beliefs, and the last check."""

import numpy as np
import pytest

from experiments.services.documents.notebook import checking_cells
from tests.experiments.services.documents.notebook.test_cells import cells_of, modules_in, run_cells

USED = (checking_cells.SPLIT, checking_cells.BELIEFS)


@pytest.mark.parametrize("name", cells_of(checking_cells))
def test_cell_imports_nothing(name):
    assert modules_in(cells_of(checking_cells)[name]) == set()


def test_chance_of_two_equal_arms_is_a_half():
    names = run_cells(*USED)
    found = names["chance_of_best"]([100, 100], [1_000, 1_000])
    assert found == pytest.approx([0.5, 0.5], abs=1e-9)


def test_split_as_configured_is_no_evidence():
    split = np.array([[0.5, 0.5]])
    found = run_cells(*USED)["log_e_of_split"](np.array([[5_200.0, 4_800.0]]), split)
    assert found == pytest.approx(5.6235, abs=5e-5)
    assert run_cells(*USED)["log_e_of_split"](np.array([[5_000.0, 5_000.0]]), split) < 0
