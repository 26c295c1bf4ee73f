"""The package `ctaopt`: what is in it, and how Node.js imports it."""

import json
import subprocess
import tarfile

import pytest

from tests.missing import node
from tests.npm_package import SDK, install, pack
from tests.sdk.test_build import SECOND

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return pack(tmp_path_factory.mktemp("packed"))


@pytest.fixture(scope="module")
def installed(package, tmp_path_factory):
    """An empty folder with the package."""
    return install(package, tmp_path_factory.mktemp("shop") / "empty")


def run(installed, source, *, kind="module"):
    result = subprocess.run(
        [node(SDK), f"--input-type={kind}", "--eval", source],
        cwd=installed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_package_has_code_types_and_licence_and_nothing_else(package):
    with tarfile.open(package) as tar:
        names = {name.removeprefix("package/") for name in tar.getnames()}
    assert names == {
        "LICENSE",
        "README.md",
        "package.json",
        "dist/cta.js",
        "dist/cta.js.sri",
        f"dist/{SECOND.name}",
        "lib/index.cjs",
        "lib/index.d.cts",
        "lib/index.d.ts",
        "lib/index.js",
    }


def test_package_may_be_published_and_needs_no_other(installed):
    content = json.loads((installed / "node_modules" / "ctaopt" / "package.json").read_text())
    assert "private" not in content
    assert "dependencies" not in content
    assert content["license"] == "Apache-2.0"
    (name,) = (path.name for path in (installed / "node_modules").iterdir() if path.name[0] != ".")
    assert name == "ctaopt"


def test_server_may_import_it(installed):
    assert run(
        installed, 'import * as all from "ctaopt"; console.log(Object.keys(all).join())'
    ) == ("start")


def test_server_may_require_it(installed):
    source = 'console.log(Object.keys(require("ctaopt")).join())'
    assert run(installed, source, kind="commonjs") == "start"


def test_start_on_a_server_says_where_it_belongs(installed):
    source = """import { start } from "ctaopt";
        try { start({ service: "https://x", key: "k" }) }
        catch (error) { console.log(error.message) }"""
    assert run(installed, source) == "ctaopt: start() needs a page; call it in the browser only"


def test_script_is_in_it_too(installed):
    source = 'console.log(require("fs").readFileSync(require.resolve("ctaopt/cta.js"), "utf8"))'
    assert run(installed, source, kind="commonjs") == (SDK / "dist" / "cta.js").read_text().strip()
