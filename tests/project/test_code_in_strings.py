"""Programs kept in strings, which no linter reads: what they import exists."""

import ast
import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
OURS = {"accounts", "benchmarks", "ctaopt", "ctaopt_django", "experiments", "ml", "tables", "tests"}


def programs(folder: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield the place and the tree of each string of several lines that is a program."""
    for path in sorted((PROJECT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                continue
            if "\n" in node.value and "import " in node.value:
                try:
                    yield f"{path.relative_to(PROJECT)}:{node.lineno}", ast.parse(node.value)
                except SyntaxError:
                    continue  # prose, or another language


def missing_names(program: ast.Module) -> Iterator[str]:
    """Yield what a program imports from our packages and they have not."""
    for node in ast.walk(program):
        if not (isinstance(node, ast.ImportFrom) and node.module):
            continue
        if node.module.split(".")[0] not in OURS:
            continue
        try:
            module = importlib.import_module(node.module)
        except ModuleNotFoundError:
            yield node.module
            continue
        except RuntimeError:  # A script: it asks the database while it is imported.
            continue
        for alias in node.names:
            submodule = f"{node.module}.{alias.name}"
            if not hasattr(module, alias.name) and importlib.util.find_spec(submodule) is None:
                yield submodule


@pytest.mark.parametrize("folder", ["benchmarks", "tests"])
def test_programs_in_strings_import_what_exists(folder):
    found = list(programs(folder))
    assert found
    assert [(place, name) for place, tree in found for name in missing_names(tree)] == []


def test_missing_name_is_found():
    lines = ["from experiments.services.rollups import fold_pending", "from ml.gone import x"]
    tree = ast.parse("\n".join(lines))
    assert list(missing_names(tree)) == ["experiments.services.rollups.fold_pending", "ml.gone"]
