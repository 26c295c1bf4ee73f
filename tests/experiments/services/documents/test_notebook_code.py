import ast

import pytest

from experiments.services.documents import notebook_code

CELLS = [name for name in dir(notebook_code) if name.isupper()]


@pytest.mark.parametrize("name", CELLS)
def test_cell_is_code_of_public_libraries(name):
    tree = ast.parse(getattr(notebook_code, name))
    modules = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert {module.partition(".")[0] for module in modules} <= {
        "json", "numpy", "pandas", "scipy", "statsmodels",
    }  # fmt: skip
