"""Cells of the notebook: code of public libraries alone."""

import ast

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


@pytest.mark.parametrize("name", set(cells_of(cells)) - {"IMPORTS"})
def test_other_cells_import_nothing(name):
    assert modules_in(cells_of(cells)[name]) == set()
