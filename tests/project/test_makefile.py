"""What `make` does, with everything that downloads replaced."""

import contextlib
import os
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import audit, licences


@pytest.fixture
def clone(pytestconfig, tmp_path):
    """A folder with the files that `make setup` reads, and nothing else."""
    for name in ("Makefile", "requirements.lock", ".ci/setup"):
        target = tmp_path / "clone" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pytestconfig.rootpath / name, target)
    return tmp_path / "clone"


@pytest.fixture
def tools(tmp_path):
    """A PATH with ordinary programs, but no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("make", "sh", "cmp", "grep", "cp", "mkdir", "sed", "cat", "echo", "tail", "nice"):
        (folder / name).symlink_to(shutil.which(name))
    return folder


@pytest.fixture
def make(clone, tools):
    def run(*targets, **variables):
        return subprocess.run(
            [str(tools / "make"), *targets],
            cwd=clone,
            env={"PATH": str(tools)} | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def program(folder, name, script):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


# A Python that makes a "virtual environment": a folder with itself and a pip of the test's.
PYTHON = """
case "$*" in
    --version) echo Python 3.11.99 ;;
    -c*) exit 0 ;;
    "-m venv"*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip"*) echo "$*" >>"$PIP_CALLS"
        [ -z "$PIP_ERROR" ] || { echo "$PIP_ERROR" >.venv/install.log; exit 1; } ;;
esac
"""


@pytest.fixture
def python(tools, tmp_path):
    program(tools, "python3.11", PYTHON)
    calls = tmp_path / "calls"
    calls.touch()
    return calls


def test_setup_says_that_python_is_missing(make):
    result = make("setup")
    assert result.returncode != 0
    assert "Python 3.11 to 3.14 is needed and was not found on the PATH" in result.stderr
    assert "Traceback" not in result.stderr


def test_setup_takes_no_other_python(make, tools):
    program(tools, "python3", "exit 1")
    assert "Python 3.11 to 3.14 is needed" in make("setup").stderr


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("NewConnectionError: Failed to establish a new connection", "cannot be reached"),
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: No matching distribution", "A package could not be installed"),
    ],
)
def test_setup_says_what_kept_pip_from_installing(make, python, error, sentence):
    result = make("setup", PIP_CALLS=str(python), PIP_ERROR=error)
    assert result.returncode != 0
    assert sentence in result.stderr
    assert not any("Done" in line for line in result.stdout.splitlines())


def test_setup_installs_torch_alone_and_first(make, python):
    assert make("setup", PIP_CALLS=str(python)).returncode == 0
    first, second = python.read_text().splitlines()
    assert first.endswith("--constraint .venv/versions.txt torch==2.13.0")
    assert second.endswith("--no-deps --require-hashes --requirement requirements.lock")


def test_setup_does_nothing_the_second_time(make, python):
    make("setup", PIP_CALLS=str(python))
    python.write_text("")
    assert make("setup", PIP_CALLS=str(python)).stdout == ""
    assert python.read_text() == ""


def test_setup_starts_again_after_a_failure(make, python):
    make("setup", PIP_CALLS=str(python), PIP_ERROR="No matching distribution")
    assert make("setup", PIP_CALLS=str(python)).returncode == 0


def test_setup_follows_a_change_of_the_lock_file(make, python, clone):
    make("setup", PIP_CALLS=str(python))
    python.write_text("")
    with (clone / "requirements.lock").open("a") as lock:
        lock.write("another==1.0\n")
    make("setup", PIP_CALLS=str(python))
    assert len(python.read_text().splitlines()) == 2


def test_setup_compiles_a_translation_that_changed(make, python, clone):
    """pybabel is replaced: the rule is tested, not Babel."""
    messages = clone / "locale" / "fr" / "LC_MESSAGES" / "django.po"
    messages.parent.mkdir(parents=True)
    messages.touch()
    make("setup", PIP_CALLS=str(python))
    program(clone / ".venv" / "bin", "pybabel", 'echo "$@" >"$6"')
    make("setup", PIP_CALLS=str(python))
    compiled = messages.with_suffix(".mo")
    assert "compile" in compiled.read_text()
    os.utime(compiled)
    assert make("setup", PIP_CALLS=str(python)).stdout == ""


@pytest.fixture
def ready(make, python, clone):
    """A clone after `make setup`; its tools write down how they are called."""
    make("setup", PIP_CALLS=str(python))
    python.write_text("")
    for folder in ("sdk", "tests/clients"):
        (clone / folder).mkdir(parents=True)
        (clone / folder / "package-lock.json").touch()
    for name in ("pytest", "ruff", "mypy", "lint-imports"):
        program(clone / ".venv/bin", name, f'echo {name} "$@" >>"$PIP_CALLS"')
    return python


def test_check_leaves_the_tests_to_those_who_run_all_of_them(make, ready):
    assert make("check", PIP_CALLS=str(ready)).returncode == 0
    assert any(line.startswith("pytest") for line in ready.read_text().splitlines())
    ready.write_text("")
    assert make("check", "TESTS_FOLLOW=yes", PIP_CALLS=str(ready)).returncode == 0
    assert [line.split()[0] for line in ready.read_text().splitlines()] == [
        "ruff",
        "ruff",
        "mypy",
        "lint-imports",
    ]


@pytest.mark.parametrize("has_postgres", [True, False])
def test_tests_run_on_postgresql_where_there_is_one(make, ready, clone, has_postgres):
    program(clone / ".venv/bin", "python", f"exit {int(has_postgres)}")
    assert make("test", PIP_CALLS=str(ready)).returncode == 0
    runs = [line for line in ready.read_text().splitlines() if line.startswith("pytest")]
    assert ["--on-postgres" in run for run in runs] == ([True, False] if has_postgres else [False])


def test_night_says_its_seed_and_can_be_repeated(make, ready, tools):
    (tools / "date").symlink_to(shutil.which("date"))
    seed = make("nightly", PIP_CALLS=str(ready)).stdout.removeprefix("SEED=").strip()
    make("nightly", f"SEED={seed}", PIP_CALLS=str(ready))
    properties, contract, *again = ready.read_text().splitlines()
    assert again == [properties, contract]
    assert properties.endswith(f"--hypothesis-profile=nightly --hypothesis-seed={seed}")
    assert f"--hypothesis-seed={seed} tests/experiments/api/v1/contract/" in contract


# An npm that writes down how it is called, and what it installs as the real one does.
NPM = """
echo "$*" >>"$PIP_CALLS"
[ -z "$NPM_ERROR" ] || exit 1
mkdir -p "$3/node_modules" && echo >"$3/node_modules/.package-lock.json"
"""


@pytest.fixture
def npm(tools):
    program(tools, "npm", NPM)


def test_packages_of_npm_are_installed_once_and_after_a_change(make, ready, clone, npm):
    for _ in range(2):
        assert make("npm", PIP_CALLS=str(ready)).returncode == 0
    calls = [" ".join(line.split()[:3]) for line in ready.read_text().splitlines()]
    assert calls == ["ci --prefix sdk", "ci --prefix tests/clients"]
    os.utime(clone / "sdk/package-lock.json", (2_000_000_000, 2_000_000_000))
    make("npm", PIP_CALLS=str(ready))
    assert len(ready.read_text().splitlines()) == 3


def test_tests_run_where_npm_cannot_install(make, ready, npm):
    result = make("test", PIP_CALLS=str(ready), NPM_ERROR="yes")
    assert result.returncode == 0
    assert "npm: The packages of sdk could not be installed." in result.stderr
    assert "pytest" in ready.read_text()


def test_tests_run_without_npm(make, ready, npm, tools):
    (tools / "npm").unlink()
    assert make("test", PIP_CALLS=str(ready)).returncode == 0
    assert "npm" not in ready.read_text()


def test_tests_for_both_databases_are_where_make_looks_for_them(pytestconfig):
    tests = pytestconfig.rootpath / "tests"
    marked = [
        path
        for path in tests.rglob("test_*.py")
        if any("mark.on_both_databases" in line for line in path.read_text().splitlines())
    ]
    found = {path.relative_to(tests).parts[0] for path in marked}
    assert found - {"project"} == {"experiments"}


def test_every_command_of_the_design_is_listed(make):
    listed = {line.split()[1] for line in make().stdout.splitlines()}
    assert listed == {
        "help",
        "setup",
        "demo",
        "test",
        "check",
        "nightly",
        "bench",
        "architecture",
        "icons",
        "pictures",
        "lock",
        "pythons",
        "sbom",
        "licences",
        "audit",
    }


PYTHONS = ("3.11.0", "3.11.99", "3.12.0", "3.13.0", "3.14.0")


@pytest.fixture(scope="module")
def locked(pytestconfig):
    """The lock's entries: requirement, and the lines of hashes below it."""
    entries = {}
    for line in (pytestconfig.rootpath / "requirements.lock").read_text().splitlines():
        if re.match(r"[a-zA-Z0-9]", line):
            entry = Requirement(line.removesuffix(" \\"))
            entries[entry] = 0
        elif "--hash=sha256:" in line:
            entries[entry] += 1
    return entries


def test_every_locked_package_has_hashes(locked):
    assert len(locked) > 200
    assert [str(each) for each, n_hashes in locked.items() if n_hashes == 0] == []


@pytest.mark.parametrize("version", PYTHONS)
def test_lock_file_is_closed_for_every_python(locked, version):
    """What a package asks for under a Python, the lock has under it."""
    short = ".".join(version.split(".")[:2])
    given = {"python_full_version": version, "python_version": short, "extra": ""}

    def applies(each):
        return each.marker is None or each.marker.evaluate(given)

    there = {canonicalize_name(each.name) for each in locked if applies(each)}
    wanted = set()
    for name in there:
        # A package of other systems only is not installed here.
        with contextlib.suppress(PackageNotFoundError):
            wanted |= {Requirement(each) for each in distribution(name).requires or ()}
    needed = {canonicalize_name(each.name) for each in wanted if applies(each)}
    # The CPU build of torch asks for none of its other build's libraries.
    assert {name for name in needed - there if not name.startswith("nvidia-")} <= {"pip", "wheel"}


def test_setup_takes_the_newest_python(make, tools, python):
    program(tools, "python3.13", PYTHON.replace("3.11.99", "3.13.9"))
    assert "Python 3.13.9" in make("setup", PIP_CALLS=str(python)).stdout


def test_setup_takes_the_python_that_is_named(make, tools, python):
    program(tools, "python3.13", PYTHON.replace("3.11.99", "3.13.9"))
    result = make("setup", PIP_CALLS=str(python), PYTHON="python3.11")
    assert "Python 3.11.99" in result.stdout


def test_setup_lets_uv_bring_a_python_where_none_is(make, tools, tmp_path):
    calls = tmp_path / "calls"
    program(tmp_path, "stand-in", PYTHON)
    program(
        tools,
        "uv",
        f'for last; do :; done; mkdir -p "$last/bin" && cp {tmp_path}/stand-in "$last/bin/python"',
    )
    result = make("setup", PIP_CALLS=str(calls))
    assert result.returncode == 0
    assert "with a Python of uv's" in result.stdout
    assert len(calls.read_text().splitlines()) == 2


@pytest.mark.parametrize(("licence", "is_accepted"), [("MIT", True), ("GPL-3.0-only", False)])
def test_incompatible_licence_is_named(licence, is_accepted, monkeypatch):
    monkeypatch.setattr(licences, "packages", lambda: [("some", "1.0", licence)])
    assert bool(licences.refused()) is not is_accepted


def test_every_package_here_has_a_licence_that_fits():
    assert licences.refused() == []
    assert len(licences.packages()) > 200


FINDING = {"id": "PYSEC-1", "fix_versions": ["1.1"]}


@pytest.mark.parametrize(
    ("vulnerabilities", "status"), [([], 0), ([FINDING], 1)], ids=["none", "one"]
)
def test_audit_says_what_is_known(vulnerabilities, status, capsys):
    row = {"name": "some", "version": "1.0", "vulns": vulnerabilities}
    assert audit.main(lambda *_: [row]) == status
    assert f"1 packages looked up, {len(vulnerabilities)} findings." in capsys.readouterr().out


def test_audit_without_data_says_so(capsys):
    assert audit.main(lambda *_: None) == 2
    assert "nothing is known" in capsys.readouterr().err


def test_audit_asks_for_what_is_locked(locked, pytestconfig):
    text = (pytestconfig.rootpath / "requirements.lock").read_text()
    assert {Requirement(line) for line in audit.pins(text)} == set(locked)
