import os
import re
import signal

import pytest

pytest_plugins = ["pytester"]

# The inner run must not set up what the outer one has set up.
ALONE = ("-p", "no:django", "-p", "no:randomly", "-p", "no:cacheprovider")

SUITE = """
    import pytest

    def test_that_runs():
        pass

    def test_that_needs_something():
        pytest.skip("no browser")

    @pytest.mark.xfail
    def test_that_is_expected_to_fail():
        assert False
"""


@pytest.fixture
def suite(pytester, pytestconfig):
    """A suite with the project's conftest and a test that skips itself."""
    pytester.makeconftest((pytestconfig.rootpath / "tests/conftest.py").read_text())
    pytester.makepyfile(SUITE)
    return pytester


@pytest.mark.parametrize("value", ["true", "1"])
def test_skip_fails_in_ci(suite, monkeypatch, value):
    monkeypatch.setenv("CI", value)
    result = suite.runpytest_inprocess(*ALONE)
    result.assert_outcomes(passed=1, failed=1, xfailed=1)
    result.stdout.fnmatch_lines(["*skipped, which CI does not allow*no browser*"])


def test_skip_is_a_skip_elsewhere(suite, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    result = suite.runpytest_inprocess(*ALONE)
    result.assert_outcomes(passed=1, skipped=1, xfailed=1)


WITHOUT_SERVER = """
    import pytest
    from tests.servers import RedisServer

    @pytest.fixture(autouse=True)
    def nothing_installed(monkeypatch):
        monkeypatch.setattr("tests.servers.shutil.which", lambda _: None)

    def test_that_needs_redis(nothing_installed, request):
        request.getfixturevalue("redis_server")
"""


@pytest.mark.parametrize(("is_ci", "outcome"), [(False, "skipped"), (True, "failed")])
def test_missing_server_is_named_and_fails_in_ci(suite, monkeypatch, is_ci, outcome):
    monkeypatch.setenv("CI", "true" if is_ci else "")
    suite.makepyfile(WITHOUT_SERVER)
    result = suite.runpytest_inprocess(*ALONE)
    result.assert_outcomes(**{outcome: 1})
    named = "redis-server is not installed (Debian package redis-server)"
    result.stdout.fnmatch_lines([f"*{named}*" if is_ci else f"1 test: {named}"])


WITHOUT_NODE = """
    import pytest
    from pathlib import Path
    from tests import missing

    @pytest.mark.parametrize("number", range(3))
    def test_that_needs_node(number, monkeypatch):
        monkeypatch.setattr("tests.missing.shutil.which", lambda _: None)
        missing.node(Path("sdk"))

    def test_without_a_browser():
        missing.leave_out("no browser (Debian package chromium)")
"""


def test_what_is_missing_is_named_once_with_the_number_of_tests(suite, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    suite.makepyfile(WITHOUT_NODE)
    result = suite.runpytest_inprocess(*ALONE, "-rfExX")
    result.stdout.fnmatch_lines(
        [
            "=* left out: 4 tests =*",
            "3 tests: Node.js is not installed (Debian packages nodejs and npm)",
            "1 test: no browser (Debian package chromium)",
        ]
    )
    assert str(result.stdout).count("Node.js is not installed") == 1


def test_postgresql_that_is_asked_for_and_missing_is_an_error(suite, monkeypatch):
    monkeypatch.setattr("tests.servers.shutil.which", lambda _: None)
    monkeypatch.setattr("tests.servers.DEBIAN_PROGRAMS", suite.path)
    result = suite.runpytest_inprocess(*ALONE, "--on-postgres")
    result.stderr.fnmatch_lines(["*PostgreSQL is not installed (Debian package postgresql)"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


LEAVES_A_SERVER = """
    import os, sys

    def test_that_forgets_to_stop():
        command = [sys.executable, "-c", "import time; time.sleep(600)", "manage.py"]
        print("number", os.posix_spawn(sys.executable, command, os.environ))
"""


def test_service_that_outlives_its_tests_is_an_error(suite, pytester, monkeypatch):
    monkeypatch.delenv("CTAOPT_TESTS_STARTED_BY", raising=False)
    pytester.makepyfile(LEAVES_A_SERVER)
    conftest = pytester.path / "conftest.py"
    conftest.write_text(conftest.read_text().replace("END_S = 60.0", "END_S = 0.1"))
    result = pytester.runpytest_inprocess(*ALONE, "-s", "-k", "forgets")
    number = re.search(r"number (\d+)", result.stdout.str())
    os.kill(int(number[1]), signal.SIGKILL)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*left behind: *manage.py*"])


def test_modules_with_slow_tests_come_first(suite, pytester):
    pytester.makepyfile(
        test_a_quick="def test_one(): pass",
        test_z_slow="""
            import pytest

            def test_quick(): pass

            @pytest.mark.slow
            def test_long(): pass
        """,
    )
    result = suite.runpytest_inprocess(
        *ALONE, "--collect-only", "-q", "test_a_quick.py", "test_z_slow.py"
    )
    named = [line for line in result.outlines if "::" in line]
    assert [line.split("::")[0] for line in named] == [
        "test_z_slow.py",
        "test_z_slow.py",
        "test_a_quick.py",
    ]
