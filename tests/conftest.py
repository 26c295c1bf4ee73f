import gc
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from time import monotonic, sleep

import psutil
import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.db import connections
from django.utils import translation
from environ import Env
from hypothesis import settings

from tests.databases import RUN, fill_with_migrated, migrated_postgres
from tests.missing import counted, leave_out, reasons_of
from tests.servers import MissingServerError, PostgresServer, RedisServer, postgres_programs

# The tests run side by side; threads of one that wait for a core would take it from the other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shared machine has slow moments; a deadline would make them test failures.
# Every run tries the same examples, so that a red one can be repeated; new ones: `make nightly`.
settings.register_profile("ctaopt", deadline=None, derandomize=True)
settings.register_profile(
    "nightly", deadline=None, derandomize=False, max_examples=1_000, print_blob=True
)
settings.load_profile("ctaopt")


@pytest.fixture(scope="session")
def shared_dir(pytestconfig: pytest.Config) -> Path:
    """The folder of shared data beside the project; mark such a test `needs_shared`."""
    folder = pytestconfig.rootpath.parent / "shared"
    if not folder.is_dir():
        leave_out(f"the shared data are not at {folder}")
    return folder


@pytest.fixture(scope="session", autouse=True)
def compiled_catalogues(pytestconfig: pytest.Config) -> None:
    """The messages that pages look up, also when pytest is run without `make`."""
    for source in pytestconfig.rootpath.glob("locale/*/LC_MESSAGES/*.po"):
        target = source.with_suffix(".mo")
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            _compile_messages(source, target)


# Every process that a test starts has it, so that those whose parent is gone are found, too.
STARTED_BY = "CTAOPT_TESTS_STARTED_BY"
END_S = 60.0


@pytest.fixture(scope="session", autouse=True)
def processes_end_with_their_tests() -> Iterator[None]:
    """Fail if the service, or a part of it, outlives the tests that started it."""
    if STARTED_BY in os.environ:  # A run within a test.
        yield
        return
    os.environ[STARTED_BY] = str(os.getpid())
    yield
    deadline = monotonic() + END_S
    while left := _left_behind():
        assert monotonic() < deadline, f"left behind: {left}"
        sleep(0.1)


def _left_behind() -> list[str]:
    """Return the commands of the service's processes that were started by these tests."""
    found = []
    for process in psutil.process_iter():
        try:
            is_ours = process.environ().get(STARTED_BY) == os.environ[STARTED_BY]
            _, *arguments = process.cmdline() or [""]
        except psutil.Error:  # Another user's, or it has just ended.
            continue
        parts = {one.partition(".")[0] for one in arguments}
        if is_ours and parts & {"ctaopt", "granian", "celery", "manage"}:
            found.append(" ".join(arguments))
    return found


@pytest.fixture(autouse=True)
def language_of_the_thread() -> Iterator[None]:
    """English at first; a request in another language leaves that one active behind it."""
    with translation.override("en"):
        yield


def _compile_messages(source: Path, target: Path) -> None:
    # Written aside and moved: several workers may do this at once.
    draft = target.with_suffix(f".{os.getpid()}.mo")
    with source.open("rb") as messages, draft.open("wb") as compiled:
        write_mo(compiled, read_po(messages))
    draft.replace(target)


def pytest_addoption(parser):
    parser.addoption(
        "--on-postgres",
        action="store_true",
        help="run the tests of models and services on a PostgreSQL server of their own",
    )


def pytest_configure(config):
    """Refuse --on-postgres where there is none, rather than skip each test."""
    if RUN not in os.environ:
        folder = os.environ[RUN] = mkdtemp(prefix="ctaopt-tests-")
        config.add_cleanup(lambda: rmtree(folder, ignore_errors=True))
        config.add_cleanup(lambda: os.environ.pop(RUN))
    if config.getoption("--on-postgres"):
        try:
            postgres_programs()
        except MissingServerError as error:
            raise pytest.UsageError(str(error)) from error


def pytest_collection_modifyitems(config, items):
    """Put modules with slow tests first, and leave to --on-postgres what SQLite has no case of.

    Last, a slow module would keep one worker busy while the others have nothing left to do. SQLite
    has one writer at a time.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    if not config.getoption("--on-postgres"):
        kept = [item for item in items if not item.get_closest_marker("only_on_postgres")]
        if len(kept) < len(items):
            config.hook.pytest_deselected(items=[item for item in items if item not in kept])
            items[:] = kept


def pytest_collection_finish():
    """Spare the collector of cycles what stays until the end: modules and collected tests.

    A full collection went through a million of them in a second of a core, some hundred times a
    run; and statsmodels asks for one with each correction of p-values.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL of this process; `create` makes a database. Mark it `postgres`.

    Who kills it starts a `PostgresServer` of their own.
    """
    # A test is one transaction, and each of its folds makes a dozen tables that it keeps locked; in
    # use, each fold is a transaction of its own.
    yield from _running(lambda: PostgresServer(max_locks_per_transaction=512))


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A running Redis of this process. Mark such a test `redis`."""
    yield from _running(RedisServer)


def _running(kind):
    try:
        server = kind()
    except MissingServerError as error:
        leave_out(str(error))
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request) -> Iterator[None]:
    """Where the test database is made, from a migrated one: in memory, or with --on-postgres there.

    What pytest-django then migrates is there already.
    """
    if request.config.getoption("--on-postgres"):
        _move_to_postgres(request.getfixturevalue("postgres_server"))
        yield
    elif connections["default"].vendor == "sqlite":
        name = connections["default"].creation._get_test_db_name()
        # It lives as long as a connection to it is open, and Django's is not yet.
        with closing(sqlite3.connect(name, uri=True)) as keeper:
            fill_with_migrated(keeper)
            yield
    else:
        yield


def _move_to_postgres(server):
    migrated_postgres(server, "migrated")
    configured = connections.settings["default"]
    configured.update(Env.db_url_config(server.url("ctaopt")), OPTIONS={})
    configured["TEST"]["TEMPLATE"] = "migrated"
    connections["default"] = connections.create_connection("default")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return _without_skips(item.config, (yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _without_skips(collector.config, (yield))


def _without_skips(config, report):
    """In CI everything a test needs is there: one that skips itself is one that did not run."""
    is_ci = os.environ.get("CI", "").lower() in {"true", "1"}
    if is_ci and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter):
    """Name once what is missing here, with what to install, and how many tests want it."""
    skipped = terminalreporter.stats.get("skipped", [])
    # `make test` runs the rest of the suite behind the part on PostgreSQL, and that names it.
    if skipped and not terminalreporter.config.getoption("--on-postgres"):
        terminalreporter.section(f"left out: {counted(len(skipped))}")
        for line in reasons_of(skipped):
            terminalreporter.write_line(line)
