"""Draw the packages and their imports into docs/architecture.md, from the code itself.

`make architecture`; a test fails while the committed page differs from the code.
"""

import sys
from collections.abc import Mapping, Set
from pathlib import Path

import grimp

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "architecture.md"
ROOTS = ("accounts", "ctaopt", "ctaopt_django", "experiments", "ml", "tables")
# Django loads these by name; their few imports would only cross the picture.
LEFT_OUT = {
    *("accounts.apps", "accounts.migrations", "experiments.apps", "experiments.migrations"),
    *("ml.apps", "ml.migrations"),
}

Edges = Mapping[str, Set[str]]


def import_graph() -> grimp.ImportGraph:
    """Return the imports between all modules; needs no installed application."""
    # A cached graph could be that of another checkout.
    return grimp.build_graph(*ROOTS, cache_dir=None)


def edges_between(groups: Set[str], graph: grimp.ImportGraph) -> dict[str, set[str]]:
    """Return which groups (packages with all below them) each group imports."""
    edges: dict[str, set[str]] = {group: set() for group in groups}
    for module in graph.modules:
        importer = _group_of(module, groups)
        if importer is None:
            continue
        imported = {
            _group_of(name, groups) for name in graph.find_modules_directly_imported_by(module)
        }
        edges[importer] |= {name for name in imported if name and name != importer}
    return edges


def _group_of(module: str, groups: Set[str]) -> str | None:
    return next((name for name in groups if f"{module}.".startswith(f"{name}.")), None)


def without_detours(edges: Edges) -> dict[str, set[str]]:
    """Leave out each arrow whose target the importer also reaches through others.

    Raises:
        ValueError: If packages import each other in a circle.

    >>> without_detours({"a": {"b", "c"}, "b": {"c"}, "c": set()})
    {'a': {'b'}, 'b': {'c'}, 'c': set()}
    """
    below = {name: _reached(name, edges) for name in edges}
    circle = sorted(name for name, names in below.items() if name in names)
    if circle:
        raise ValueError(f"imports: {', '.join(circle)} import each other in a circle")
    return {
        name: {target for target in targets if not any(target in below[one] for one in targets)}
        for name, targets in edges.items()
    }


def _reached(name: str, edges: Edges) -> set[str]:
    reached: set[str] = set()
    waiting = set(edges[name])
    while waiting:
        target = waiting.pop()
        reached.add(target)
        waiting |= edges[target] - reached
    return reached


def picture(edges: Edges, prefix: str = "") -> str:
    """Return the packages as a Mermaid flow chart; an importer stands above what it imports."""
    lines = ["```mermaid", "flowchart TB"]
    for name in sorted(edges):
        targets = " & ".join(one.removeprefix(prefix) for one in sorted(edges[name]))
        lines.append(f"  {name.removeprefix(prefix)}" + (f" --> {targets}" if targets else ""))
    return "\n".join([*lines, "```"])


def pictures(graph: grimp.ImportGraph) -> dict[str, str]:
    """Return every picture of the page by its name."""
    inner = {
        package: set(graph.find_children(package)) - LEFT_OUT
        for package in ("experiments", "experiments.services", "experiments.stats", "ml")
    }
    project = {"accounts", "ctaopt", "ctaopt_django", "ml", "tables", *inner["experiments"]}
    shown = {"project": picture(without_detours(edges_between(project, graph)), "experiments.")}
    for name in ("experiments.services", "experiments.stats", "ml"):
        edges = without_detours(edges_between(inner[name], graph))
        shown[name] = picture(edges, f"{name}.")
    return shown


def drawn(page: str, graph: grimp.ImportGraph) -> str:
    """Return the page with its pictures made anew."""
    for name, text in pictures(graph).items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = page.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"{PAGE.name}: no place for the picture {name!r}")
        page = f"{before}{begin}\n{text}\n{end}{after}"
    return page


if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT))
    PAGE.write_text(drawn(PAGE.read_text(), import_graph()))
