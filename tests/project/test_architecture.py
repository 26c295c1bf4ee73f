"""The borders of style and design, checked by tools and in a fresh interpreter."""

import ast
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter

import pytest

from tests.databases import migrated_sqlite


@pytest.fixture(scope="module")
def lint_imports(pytestconfig):
    """Run import-linter over a project folder."""

    def run(folder=pytestconfig.rootpath):
        command = [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as run; run()",
        ]
        return subprocess.run(
            [*command, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
        )

    return run


def test_import_contracts_are_kept(lint_imports):
    result = lint_imports()
    assert result.returncode == 0, result.stdout
    assert ", 0 broken" in result.stdout


# The parts of ml that stand between its core and the database, the queue or people.
NOT_CORE = {
    "admin",
    "application",
    "apps",
    "management",
    "migrations",
    "models",
    "predict",
    "presentation",
    "registry",
    "scoring_service",
    "tasks",
}


def test_every_core_module_of_ml_is_under_its_contract(pytestconfig):
    content = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text())
    contracts = {row["name"]: row for row in content["tool"]["importlinter"]["contracts"]}
    modules = {info.name for info in pkgutil.iter_modules([str(pytestconfig.rootpath / "ml")])}
    guarded = contracts["ML core: no Django, no queue"]["source_modules"]
    assert {name.removeprefix("ml.") for name in guarded} == modules - NOT_CORE


# One wrong import a contract, each by the shortest way: file, line, the contract that must break.
VIOLATIONS = {
    "packages": ("ml/history/row.py", "import experiments.stats", "Packages"),
    "site's app": ("ctaopt_django/html.py", "import experiments.targeting", "Packages"),
    "layers": (
        "experiments/models/catalogue.py",
        "import experiments.selectors.events",
        "experiments:",
    ),
    "new module": ("experiments/surprise.py", "", "experiments:"),
    "ml layers": ("ml/history/row.py", "import ml.dataset.contrast_groups", "ml:"),
    "new ml module": ("ml/surprise.py", "", "ml:"),
    "pure core": ("experiments/stats/health/sample_ratio.py", "import django", "Pure core"),
    "ml core": ("ml/dataset/contrast_groups.py", "import celery", "ML core"),
    "facade": (
        "experiments/services/learning/history_rows.py",
        "import ml.dataset.contrast_groups",
        "its facade",
    ),
    "DRF": ("experiments/services/reporting/report_json.py", "import rest_framework", "DRF"),
    "torch": (
        "experiments/services/serving/evaluation.py",
        "import torch",
        "serving and event path",
    ),
    "ml in serving": (
        "experiments/services/serving/snapshot.py",
        "import ml.history.row",
        "serving and",
    ),
    "services": (
        "experiments/services/rollups/arm_totals.py",
        "import experiments.services.catalogue.server_keys",
        "services:",
    ),
    "service before its layer": (
        "experiments/services/analysis/report.py",
        "import experiments.services.insights.segments",
        "services:",
    ),
    "new room of services": ("experiments/services/surprise.py", "", "services:"),
    "stats": (
        "experiments/stats/estimation/cuped.py",
        "import experiments.stats.decision.decide",
        "stats:",
    ),
    "migration": (
        "experiments/migrations/0008_fold_sets.py",
        "from experiments.event_schema.ids import first_id",
        "Migrations stand alone",
    ),
    "cycle": (
        "experiments/services/catalogue/server_keys.py",
        "import experiments.services.learning.history_rows",
        "cycles",
    ),
}


@pytest.fixture(scope="module")
def broken_contracts(lint_imports, pytestconfig, tmp_path_factory):
    """The text of import-linter below each contract, about a copy with all these imports."""
    folder = tmp_path_factory.mktemp("wrong")
    for name in ("accounts", "ctaopt", "ctaopt_django", "experiments", "ml", "tables"):
        shutil.copytree(pytestconfig.rootpath / name, folder / name)
    shutil.copy(pytestconfig.rootpath / "pyproject.toml", folder)
    for path, line, _ in VIOLATIONS.values():
        with (folder / path).open("a") as file:
            file.write(f"\n{line}\n")
    result = lint_imports(folder)
    assert result.returncode == 1
    # A long name goes on in the next line, and so do its dashes.
    parts = re.split(
        r"\n\n(.+(?:\n.+)?)\n---[-\n]*\n\n", result.stdout.split("Broken contracts")[1]
    )
    texts = [" ".join(part.split()) for part in parts[1:]]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def said_of(path, line):
    """The words for a wrong import; siblings in a cycle have their short names."""
    module = path.removesuffix(".py").replace("/", ".")
    if not line:
        return {f"- {module} "}
    imported = line.split()[1]
    short = [f".{name.rpartition('.')[0].rpartition('.')[2]}" for name in (module, imported)]
    return {f"{module} -> {imported} (l.", " -> ".join(short) + " (1 import)"}


@pytest.mark.parametrize(("path", "line", "contract"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_contract_catches_a_wrong_import(broken_contracts, path, line, contract):
    (text,) = [text for name, text in broken_contracts.items() if contract in name]
    assert [words for words in said_of(path, line) if words in text], text


WEB_PROCESS = """
import sys
import django
from django.test import Client
from django.test.utils import setup_test_environment

from ctaopt.wsgi import application
setup_test_environment()

from tests import factories
from tests.wsgi_client import WSGIClient
from django.contrib.auth import get_user_model

slot = factories.make_slot(factories.make_site())
experiment = factories.make_running_experiment(slot)
person = get_user_model().objects.create_superuser("owner")

edge = WSGIClient(application, key="shop-client-key")
context = {"context": {"targetingKey": "v-1"}}
flag = edge.post("/ofrep/v1/evaluate/flags/hero", context)
assert flag.status == 200, flag
assert edge.post("/ofrep/v1/evaluate/flags", context).status == 200
from datetime import UTC, datetime
event = factories.event_message(variant=flag.json()["variant"], at=datetime.now(UTC).isoformat())
receipt = edge.post("/api/v1/events", {"events": [event]})
assert (receipt.status, receipt.json()["accepted"]) == (202, 1), receipt
assert edge.get("/cta.js").status == 200

pages = Client()
pages.force_login(person)
for path in (
    "/", "/admin/", f"/admin/experiments/experiment/{experiment.pk}/report/",
    "/admin/experiments/cta/", "/admin/experiments/historyarm/", "/api/docs/", "/api/schema/",
    "/api/v1/experiments/", f"/api/v1/experiments/{experiment.key}/report/",
):
    assert pages.get(path).status_code == 200, path
heavy = {"torch", "sentence_transformers", "transformers", "sklearn"}
heavy |= {"ibis", "duckdb", "pyarrow", "pyspark", "pandas"}
loaded = heavy & set(sys.modules)
print("loaded:", sorted(loaded))
"""


def loaded_in(pytestconfig, tmp_path, script):
    """The last line that a script writes in a fresh interpreter."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "ctaopt.settings.test",
        "DATABASE_URL": migrated_sqlite(tmp_path / "site.sqlite3"),
    }
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=pytestconfig.rootpath,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout.splitlines()[-1]


def test_web_process_never_loads_deep_learning(pytestconfig, tmp_path):
    """OFREP, events, the snippet, reports and admin pages, all in one fresh process."""
    assert loaded_in(pytestconfig, tmp_path, WEB_PROCESS) == "loaded: []"


# The checks before a migration load the pages.
SERVING_WORKER = WEB_PROCESS.partition("pages = Client()")[0]
SERVING_WORKER += """
assert edge.get("/api/features/shop-client-key").status == 200
heavy = {"numpy", "scipy", "experiments.admin.base", "experiments.api.v1.views"}
print("loaded:", sorted(heavy & set(sys.modules)))
"""


def test_worker_that_only_serves_loads_neither_admin_nor_statistics(pytestconfig, tmp_path):
    assert loaded_in(pytestconfig, tmp_path, SERVING_WORKER) == "loaded: []"


IMPORTS = """
import sys
import django
django.setup()
import ctaopt.urls, experiments.tasks
rare = {"scipy.stats", "scipy.optimize", "torch", "redis", "openpyxl"}
print("loaded:", sorted(rare & set(sys.modules)))
"""


def test_pages_and_tasks_are_imported_without_what_few_of_them_call(pytestconfig, tmp_path):
    """`scipy.stats` takes a second: `import scipy`, and `scipy.stats.NAME` loads it when called.

    So does `scipy.optimize`, which half of the statistics need.
    """
    assert loaded_in(pytestconfig, tmp_path, IMPORTS) == "loaded: []"


COMMAND = """
import sys
from ctaopt.commandline import run
assert run(["manage.py", "fold_rollups"]) == 0
unwanted = {"ctaopt.urls", "rest_framework.serializers", "scipy.stats"}
print("loaded:", sorted(unwanted & set(sys.modules)))
"""


def test_command_starts_without_the_code_of_pages(pytestconfig, tmp_path):
    assert loaded_in(pytestconfig, tmp_path, COMMAND) == "loaded: []"


# Modules without a test module of their own, and the tests that cover them.
TESTED_ELSEWHERE = {
    "experiments/services/rollups/postgres_fold.py": "rollups/test_outcome_sql.py, on PostgreSQL",
    "accounts/apps.py": "accounts/test_log.py: it connects the log",
    "accounts/models.py": "accounts/test_log.py",
    "ml/apps.py": "every test of ml: it only names the application",
}


@pytest.mark.parametrize(
    "package",
    [
        "accounts",
        "experiments/assignment",
        "experiments/event_schema",
        "experiments/services",
        "experiments/stats",
        "experiments/targeting",
        "ml",
        "tables",
    ],
)
def test_every_module_has_its_test_module(pytestconfig, package):
    root = pytestconfig.rootpath
    modules = [
        path.relative_to(root)
        for path in (root / package).rglob("*.py")
        if path.name != "__init__.py" and "migrations" not in path.parts
    ]
    untested = [
        str(module)
        for module in modules
        if not (root / "tests" / module.with_name(f"test_{module.name}")).exists()
    ]
    assert set(untested) <= set(TESTED_ELSEWHERE)


# Folders whose modules are all of one kind, with one signature: one more is no further subject.
OF_ONE_KIND = {"experiments/management/commands", "ml/management/commands"}
MOST_MODULES = 14
MOST_LINES = 400
MOST_BODY_LINES = 40


def product_files(root):
    folders = ("accounts", "ctaopt", "ctaopt_django", "experiments", "ml", "tables")
    return [
        path
        for folder in folders
        for path in (root / folder).rglob("*.py")
        if "migrations" not in path.parts
    ]


def test_no_package_holds_more_than_fourteen_modules(pytestconfig):
    root = pytestconfig.rootpath
    sizes = Counter(
        str(path.parent.relative_to(root))
        for path in product_files(root)
        if path.name != "__init__.py"
    )
    large = {name: n for name, n in sizes.items() if n > MOST_MODULES and name not in OF_ONE_KIND}
    assert large == {}


def test_modules_and_functions_are_small(pytestconfig):
    root = pytestconfig.rootpath
    large = []
    for path in product_files(root):
        text = path.read_text()
        if text.count("\n") > MOST_LINES:
            large.append(str(path.relative_to(root)))
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body and body[-1].end_lineno - body[0].lineno + 1 > MOST_BODY_LINES:
                large.append(f"{path.relative_to(root)}:{node.lineno} {node.name}")
    assert large == []
