"""Every public name of the pure core is reached from a page, an API, a command or a task."""

import ast
from collections import defaultdict
from functools import cache
from itertools import chain

import pytest

# What starts work in the product: requests, commands, the clock, and what Django loads.
ENTRIES = (
    "ctaopt",
    "experiments.admin",
    "experiments.api",
    "experiments.apps",
    "experiments.management",
    "experiments.migrations",
    "experiments.models",
    "experiments.pages",
    "experiments.tasks",
    "experiments.templatetags",
    "experiments.urls",
)
CORE = tuple(
    f"experiments.{name}."
    for name in ("assignment", "event_schema", "legibility", "stats", "targeting")
)
MODULE = "<module>"  # Statements that run when a module is imported.
GROWTHBOOK = "part of GrowthBook's specification of SDKs, held by its conformance cases"
EXCEPTIONS = {
    "experiments.assignment.hashing.NAMESPACE_BUCKETS": GROWTHBOOK,
    "experiments.assignment.hashing.in_namespace": GROWTHBOOK,
    "experiments.assignment.sticky.with_assignment": GROWTHBOOK,
    "experiments.targeting.rows.OPERATORS": "the operators of a row, for its docstring and tests",
}


@pytest.fixture(scope="module")
def modules(pytestconfig):
    """Return the syntax trees of the product by the modules' names."""
    root = pytestconfig.rootpath
    paths = chain(root.glob("experiments/**/*.py"), root.glob("ctaopt/**/*.py"))
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
            path.read_text()
        )
        for path in paths
    }


def names_bound_by(statement):
    """Return the names that a statement at the top of a module defines."""
    match statement:
        case ast.FunctionDef() | ast.ClassDef():
            return [statement.name]
        case ast.Assign():
            return [
                node.id
                for target in statement.targets
                for node in ast.walk(target)
                if isinstance(node, ast.Name)
            ]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def imports_of(tree, modules):
    """Return what each imported name stands for: a name of a module, or a module."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                path = f"{node.module}.{alias.name}"
                target = (path, MODULE) if path in modules else (node.module, alias.name)
                found[alias.asname or alias.name] = target
    return found


def uses_of(module, modules):
    """Return for each name at the top of a module the names that its definition uses."""
    tree = modules[module]
    known = imports_of(tree, modules)
    known |= {name: (module, name) for statement in tree.body for name in names_bound_by(statement)}
    uses = defaultdict(set)
    for statement in tree.body:
        used = {
            known[n.id] for n in ast.walk(statement) if isinstance(n, ast.Name) if n.id in known
        }
        used |= {
            (known[node.value.id][0], node.attr)
            for node in ast.walk(statement)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            if known.get(node.value.id, ("", ""))[1] == MODULE
        }
        for name in names_bound_by(statement) or [MODULE]:
            uses[module, name] |= used
    return uses


def unreached_names(modules):
    """Return the public names of the core to which no chain of uses leads from an entry."""
    uses = {}
    for module in modules:
        uses |= uses_of(module, modules)

    @cache
    def next_of(node):
        return uses.get(node, set()) | {(node[0], MODULE)}

    waiting = [node for node in uses if f"{node[0]}.".startswith(tuple(f"{e}." for e in ENTRIES))]
    reached = set(waiting)
    while waiting:
        new = next_of(waiting.pop()) - reached
        reached |= new
        waiting.extend(new)
    return {
        f"{module}.{name}"
        for module, name in uses.keys() - reached
        if f"{module}.".startswith(CORE) and not name.startswith(("_", "<"))
    }


def is_excepted(name):
    return name in EXCEPTIONS or name.rpartition(".")[0] in EXCEPTIONS


def test_every_public_name_of_the_core_is_reached(modules):
    assert sorted(name for name in unreached_names(modules) if not is_excepted(name)) == []


def test_every_exception_is_needed(modules):
    unreached = unreached_names(modules)
    owners = unreached | {name.rpartition(".")[0] for name in unreached}
    assert sorted(EXCEPTIONS.keys() - owners) == []


def test_name_that_only_itself_or_another_idle_name_uses_is_found(modules):
    idle = "\ndef idle():\n    return idle() + other()\n\ndef other():\n    return 1\n"
    module = "experiments.stats.frequentist.dunnett"
    tree = ast.parse(ast.unparse(modules[module]) + idle)
    found = unreached_names(modules | {module: tree})
    assert {f"{module}.idle", f"{module}.other"} <= found
    assert f"{module}.step_down_levels" not in found
