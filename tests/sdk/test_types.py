"""Types of the package: every call that the documentation shows compiles under `strict`."""

import json
import re
import subprocess

import pytest

from tests.missing import leave_out, node
from tests.node import CLIENTS
from tests.npm_package import SDK, install, pack

pytestmark = pytest.mark.slow

DOCS = SDK.parent / "docs"
EMBEDDING = DOCS / "embedding.md"
BLOCK = re.compile(r"```(js|ts|html)\n(.*?)```", re.DOTALL)
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
CALL = re.compile(r"`((?:window\.)?ctaopt\??\.\w+\([^`]*\))`")
# Of the page: its analytics, and a mode of consent from its consent tool.
PRELUDE = """import "ctaopt";
import type { CtaOptConsent } from "ctaopt";
declare const gtag: (...values: unknown[]) => void;
declare const _paq: unknown[][];
declare const mode: CtaOptConsent;
"""
OPTIONS = {
    "strict": True,
    "noEmit": True,
    "noUncheckedIndexedAccess": True,
    "exactOptionalPropertyTypes": True,
    "target": "es2022",
    "lib": ["es2022", "dom"],
    "module": "nodenext",
    "types": [],
}


def documented() -> list[str]:
    """Code of the page that calls the snippet, in blocks, scripts and sentences."""
    text = EMBEDDING.read_text()
    found = []
    for language, block in BLOCK.findall(text):
        parts = SCRIPT.findall(block) if language == "html" else [block]
        found += [part for part in parts if part.strip()]
    for path in sorted(DOCS.glob("*.md")):
        found += CALL.findall(path.read_text())
    return found


def documented_names(heading: str, pattern: str) -> set[str]:
    """Names in the first column of the table under a heading."""
    text = EMBEDDING.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = (line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `"))
    return {name for row in rows for name in re.findall(pattern, row)}


GOOD = [
    'window.ctaopt?.consent("granted");',
    "window.ctaopt.consent(false);",
    "const id: string | null = ctaopt.visitor();",
    "await ctaopt.refresh();",
    'ctaopt.convert("buy");',
    'ctaopt.convert("buy", { value: "1 299,00", currency: "eur", order: "A-1001" });',
    'ctaopt.convert("buy", { value: 12.5, order: 1001 });',
    "ctaopt.onShown(({ slot, variant, experiment }) => [slot, variant, experiment].join());",
    "ctaopt.onClicked((clicked) => clicked.slot.length);",
    "ctaopt.onConverted(async ({ goal, order }) => console.log(goal.length, order));",
    '(window.ctaopt ||= []).push(["consent", true]);',
    '(window.ctaopt ||= []).push(["convert", "buy", { value: 5 }]);',
    '(window.ctaopt ||= []).push(["onConverted", ({ goal }) => goal.length]);',
    '(window.ctaopt ||= []).push(["refresh"]);',
    'window.ctaopt = window.ctaopt || []; window.ctaopt.push(["consent", "off"]);',
    'import { start } from "ctaopt"; start({ service: "https://x", key: "k", domain: "x.org" });',
]
WRONG = [
    ('ctaopt.consent("maybe");', "TS2345"),
    ("ctaopt.convert();", "TS2554"),
    ('ctaopt.convert("buy", { price: 5 });', "TS2353"),
    ("ctaopt.onShown(({ goal }) => goal);", "TS2339"),
    ('(window.ctaopt ||= []).push(["nothing"]);', "TS2769"),
    ("ctaopt.visitor().length;", "TS2531"),
    ('import { start } from "ctaopt"; start({ key: "k" });', "TS2345"),
    ("window.ctaopt = 5;", "TS2322"),
]
COMMONJS = """import ctaopt = require("ctaopt");
const cta: ctaopt.CtaOpt = ctaopt.start({ service: "https://x", key: "k" });
cta.visitor();
"""
NAMES = {
    "CtaOpt": documented_names("`window.ctaopt`", r"`(\w+)\("),
    "CtaOptOptions": documented_names("Attributes of the script", r"`data-(\w+)"),
}


def naming_all(interface: str) -> str:
    """A source that compiles if the interface has the documented names, and no other."""
    members = ", ".join(f"{name}: true" for name in sorted(NAMES[interface]))
    return f"""import type {{ {interface} }} from "ctaopt";
        export const names: Record<keyof {interface}, true> = {{ {members} }};"""


def all_sources() -> dict[str, str]:
    """Every source of these tests by its file: the compiler takes seconds to start."""
    pages = {"documented": documented(), "good": GOOD, "wrong": [source for source, _ in WRONG]}
    sources = {
        f"{kind}-{number}.ts": PRELUDE + source
        for kind, given in pages.items()
        for number, source in enumerate(given)
    }
    names = {f"{interface}.ts": naming_all(interface) for interface in NAMES}
    return {**sources, **names, "required.cts": COMMONJS}


@pytest.fixture(scope="module")
def errors(tmp_path_factory):
    """Complaints by file, in a project that has the package as a developer's has it."""
    if not (CLIENTS / "node_modules" / "typescript").exists():
        leave_out("no TypeScript (Debian package npm, then `npm ci --prefix tests/clients`)")
    folder = tmp_path_factory.mktemp("types")
    shop = install(pack(folder), folder / "shop")
    sources = all_sources()
    for name, source in sources.items():
        (shop / name).write_text(source)
    project = {"compilerOptions": OPTIONS, "files": list(sources)}
    (shop / "tsconfig.json").write_text(json.dumps(project))
    compiler = CLIENTS / "node_modules" / "typescript" / "bin" / "tsc"
    command = [node(CLIENTS), str(compiler), "--project", str(shop)]
    result = subprocess.run(command, cwd=shop, capture_output=True, text=True, check=False)
    found: dict[str, list[str]] = {name: [] for name in sources}
    for line in result.stdout.splitlines():
        name, is_complaint, complaint = line.partition("(")
        if is_complaint and not line.startswith(" "):
            found[name].append(complaint)
    return found


def of_kind(errors, kind):
    return {name: said for name, said in errors.items() if name.startswith(kind)}


def test_every_call_in_the_documentation_compiles(errors):
    found = of_kind(errors, "documented")
    assert len(found) >= 10
    for word in ("consent", "onShown", "onClicked", "start"):
        assert any(word in source for source in documented()), word
    assert {name: said for name, said in found.items() if said} == {}


def test_every_function_compiles_in_each_of_its_forms(errors):
    assert {name: said for name, said in of_kind(errors, "good").items() if said} == {}


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_wrong_call_does_not_compile(errors, number):
    (complaint,) = errors[f"wrong-{number}.ts"]
    assert f"error {WRONG[number][1]}:" in complaint


def test_package_has_types_for_commonjs(errors):
    assert errors["required.cts"] == []


@pytest.mark.parametrize("interface", NAMES)
def test_types_and_documentation_name_the_same(errors, interface):
    assert NAMES[interface]
    assert errors[f"{interface}.ts"] == []
