"""Cells of the notebook: code of public libraries alone."""

import ast

import pandas as pd
import pytest

from experiments.services.documents.notebook import cells


def cells_of(module):
    return {name: getattr(module, name) for name in dir(module) if name.isupper()}


def modules_in(source):
    """The libraries that a cell imports."""
    return {
        (alias.name if isinstance(node, ast.Import) else node.module).partition(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def test_first_cell_imports_public_libraries():
    assert modules_in(cells.IMPORTS) == {"json", "numpy", "pandas", "scipy", "statsmodels"}


def run_cells(*used):
    """The names of the cells, without the data of a report."""
    report = {"alpha": 0.05, "kind": "mean", "arms": [], "sums": None, "days": [], "split": None}
    report |= {"plan": {"planned_visitors": 10_000, "shares": [[0.5, 0.5]]}, "omnibus": None}
    names = {"report": report, "arms": pd.DataFrame(), "computed": {}, "has_sums": False}
    names |= {"alpha": 0.05, "plan": report["plan"]}
    for source in ("NEEDED = ''", cells.IMPORTS, *used):
        exec(source, names)  # noqa: S102
    return names


@pytest.mark.parametrize("name", set(cells_of(cells)) - {"IMPORTS"})
def test_other_cells_import_nothing(name):
    assert modules_in(cells_of(cells)[name]) == set()
