"""Pages, files and modules that documentation, docstrings and comments name exist."""

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("accounts", "ctaopt", "ctaopt_django", "experiments", "ml", "tables")
PAGES = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((PROJECT / "docs").glob("*.md")),
    PROJECT / "docs" / "examples" / "README.md",
]

LINK = re.compile(r"\]\(([^)\s]+)\)")
PAGE_NAME = re.compile(r"[\w./-]*\w\.md\b")
FILE_NAME = re.compile(r"[\w./-]*\w\.py\b")
# Full names, and short ones that begin with a package of experiments.
SHORT = sorted(
    path.name for path in (PROJECT / "experiments").iterdir() if (path / "__init__.py").exists()
)
MODULE_NAME = re.compile(
    rf"(?<![\w./@-])(?:{'|'.join((*PACKAGES, *SHORT))})(?:\.[A-Za-z_]\w*)+"
    r"(?<!\.json)(?<!\.md)(?!\.?[\w/(-])"
)
# Names in the browser, what a setting was called before, and files of systemd.
OTHERS = {
    "ctaopt.flags", "ctaopt.outbox", "ctaopt.since", "ctaopt.visitor",
    "ctaopt.rendering.evaluate", "ctaopt.env", "ctaopt.target",
}  # fmt: skip


@cache
def files():
    """Return the paths of the project's own files."""
    folders = (*PACKAGES, "benchmarks", "docs", "sdk", "tests")
    found = [path for folder in folders for path in (PROJECT / folder).rglob("*.*")]
    return {
        str(path.relative_to(PROJECT))
        for path in (*found, *PROJECT.glob("*.*"))
        if "node_modules" not in path.parts
    }


def texts(path):
    """Yield the docstrings and comments of a module."""
    source = path.read_text()
    with_docstring = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, with_docstring):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def is_file(name):
    """Return whether a file has this path, or a path that ends so."""
    return any(f"/{path}".endswith(f"/{name}") for path in files())


@cache
def defined(path):
    """Return the names that a module has at its top, its imports among them."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name)
    return names


def is_module(name):
    """Return whether a dotted name is a module, or something that a module defines."""
    parts = name.split(".")
    folder = PROJECT if parts[0] in PACKAGES else PROJECT / "experiments"
    for index, part in enumerate(parts):
        folder = folder / part
        if folder.is_dir():
            continue
        file = folder.with_suffix(".py")
        if file.is_file():
            return index + 1 == len(parts) or parts[index + 1] in defined(file)
        return part in defined(folder.parent / "__init__.py")
    return True


def unknown_modules(text):
    return sorted({name for name in MODULE_NAME.findall(text) if not is_module(name)} - OTHERS)


def anchors(page):
    """Return the anchors of a page's headings, as GitHub makes them, and those that are given."""
    given = re.findall(r"^#+ .+ \{#([\w-]+)\}$", page.read_text(), re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in plain} | set(given)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_page_names_what_exists(page):
    text = page.read_text()
    assert unknown_modules(text) == []
    assert [name for name in sorted(set(FILE_NAME.findall(text))) if not is_file(name)] == []
    assert [
        name for name in sorted(set(PAGE_NAME.findall(text))) if not is_file(Path(name).name)
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_of_a_page_lead_somewhere(page):
    for link in LINK.findall(page.read_text()):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("package", [*PACKAGES, "benchmarks"])
def test_docstrings_and_comments_name_what_exists(package):
    unknown = {}
    for path in (PROJECT / package).rglob("*.py"):
        text = "\n".join(texts(path))
        pages = {name for name in PAGE_NAME.findall(text) if not is_file(name)}
        # A longer path may be one of another project's.
        files = {name for name in FILE_NAME.findall(text) if "/" not in name and not is_file(name)}
        if names := [*unknown_modules(text), *sorted(pages | files)]:
            unknown[str(path.relative_to(PROJECT))] = names
    assert unknown == {}


@pytest.mark.parametrize(
    "name",
    [
        "experiments.stats.fixed",
        "services.attic",
        "ml.gate",
        "ml.predict.rank_everything",
        "experiments.surprise",
        "services.operations.no_such_module",
    ],
)
def test_name_of_nothing_is_found(name):
    assert unknown_modules(f"See `{name}`, which moved.") == [name]


@pytest.mark.parametrize(
    "name",
    [
        "ml.predict",
        "ml.errors.EncoderError",
        "services.rollups.folding.rebuild_rollups",
        "event_schema.messages.MAX_AGE",
        "experiments.models.Experiment.Metric",
    ],
)
def test_name_of_something_is_left_alone(name):
    assert unknown_modules(f"See `{name}`.") == []
