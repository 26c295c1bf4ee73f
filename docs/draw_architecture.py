"""Picture of the packages and their imports, drawn from the code into docs/architecture.md.

Run `make architecture` after a change of the structure; a test compares the page with the code.
An arrow points from the importing package to the imported one. Arrows that follow from others are
left out (transitive reduction), and so are modules that belong to no package.
"""

import re
import sys
from pathlib import Path

import grimp

PAGE = Path(__file__).parent / "architecture.md"
PROJECT = PAGE.resolve().parents[1]
PICTURE = re.compile(r"(<!-- picture: (\w+) -->\n).*?(<!-- end -->)", re.S)
# Packages that are drawn by their own packages instead of as one box.
OPENED = ("experiments", "experiments.services", "ml")
LEFT_OUT = {"migrations", "templatetags", "apps", "urls", "formatting", "legibility"}


def package_of(module: str, root: str) -> str | None:
    """Return the box of a module in the picture of `root`, without the root's own name.

    >>> package_of("experiments.services.events.store", "experiments")
    'services.events'
    >>> package_of("experiments.urls", "experiments") is None
    True
    """
    parts = module.split(".")
    if parts[0] != root or len(parts) < 2 or parts[1] in LEFT_OUT:
        return None
    depth = 2
    while depth <= len(parts) and ".".join(parts[:depth]) in OPENED:
        depth += 1
    return ".".join(parts[1:depth]) if len(parts) >= depth else None


def imports_between_packages(root: str) -> dict[str, set[str]]:
    """Return the packages below `root`, each with those that it imports."""
    graph = grimp.build_graph(root, cache_dir=None)
    imported: dict[str, set[str]] = {}
    for module in graph.modules:
        importer = package_of(module, root)
        if importer is None:
            continue
        targets = imported.setdefault(importer, set())
        for target in graph.find_modules_directly_imported_by(module):
            package = package_of(target, root)
            if package is not None and package != importer:
                targets.add(package)
    return imported


def reduced(imported: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the same graph without the arrows that follow from others; it has no cycle."""
    below: dict[str, set[str]] = {}

    def descendants(package: str) -> set[str]:
        if package not in below:
            targets = imported.get(package, set())
            below[package] = targets.union(*(descendants(target) for target in targets))
        return below[package]

    return {
        package: {
            target
            for target in targets
            if not any(target in descendants(other) for other in targets)
        }
        for package, targets in imported.items()
    }


def mermaid(root: str) -> str:
    """Return the picture of a root package as a Mermaid flowchart."""
    imported = reduced(imports_between_packages(root))
    lines = ["```mermaid", "flowchart TD"]
    lines.extend(f"    {_node(package)}[{package}]" for package in sorted(imported))
    for package, targets in sorted(imported.items()):
        lines.extend(f"    {_node(package)} --> {_node(target)}" for target in sorted(targets))
    return "\n".join([*lines, "```", ""])


def drawn(text: str) -> str:
    """Return the page with every picture drawn anew."""
    return PICTURE.sub(lambda found: found[1] + mermaid(found[2]) + found[3], text)


def _node(package: str) -> str:
    return package.replace(".", "_")


if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT))
    PAGE.write_text(drawn(PAGE.read_text()))
