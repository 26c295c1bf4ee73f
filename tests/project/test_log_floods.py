import gc
import logging
import os
import subprocess
import sys
import weakref
from types import SimpleNamespace

import pytest

from ctaopt.observability.log_floods import MOST_CAUSES, FloodFilter


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lines(clock):
    """A logger behind the filter; what passes is kept as (message, has a traceback)."""
    kept = []

    class Keeper(logging.Handler):
        def emit(self, record):
            kept.append((record.getMessage(), bool(record.exc_info)))

    handler, logger = Keeper(), logging.getLogger("tests.floods")
    # No timer of the real clock fires within a test.
    handler.addFilter(FloodFilter(3600.0, clock=clock))
    logger.addHandler(handler)
    logger.propagate = False
    kept_filter = handler.filters[0]
    yield SimpleNamespace(kept=kept, log=logger, filter=kept_filter)
    logger.removeHandler(handler)
    logger.propagate = True
    kept_filter.begin_anew()


def fail(logger, number):
    """Log as the events path does while the database is away."""
    try:
        try:
            raise OSError(f"Error {number} connecting")
        except OSError as error:
            raise RuntimeError("not taken") from error
    except RuntimeError:
        logger.exception("%s events of site %s could not be stored", number, "shop")


def test_outage_is_logged_once_with_its_traceback_then_counted(lines, clock):
    for number in range(10_000):
        fail(lines.log, number)
    assert lines.kept == [("0 events of site shop could not be stored", True)]
    clock.now = 3600.0
    fail(lines.log, 7)
    assert [text for text, _ in lines.kept[1:]] == [
        "9999 more within a minute: 0 events of site shop could not be stored",
        "7 events of site shop could not be stored",
    ]


def test_count_is_told_by_itself_when_nothing_follows(lines, clock):
    lines.log.warning("Redis does not answer: %s", OSError(111, "refused"))
    lines.log.warning("Redis does not answer: %s", OSError(111, "refused"))
    lines.filter.tell()
    assert len(lines.kept) == 1  # the minute is not over
    clock.now = 3600.0
    lines.filter.tell()
    lines.filter.tell()
    assert len(lines.kept) == 2
    assert lines.kept[1][0].startswith("1 more within a minute: Redis does not answer")


def test_timer_tells_without_anybody_asking(clock):
    told = []
    handler = logging.Handler()
    handler.emit = told.append
    flood_filter = FloodFilter(0.01)
    handler.addFilter(flood_filter)
    logger = logging.getLogger("tests.timer")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        logger.error("down")
        logger.error("down")
        flood_filter._timer.join()
        assert [record.getMessage() for record in told] == [
            "down",
            "1 more within a minute: down",
        ]
    finally:
        logger.removeHandler(handler)
        flood_filter.begin_anew()


def test_different_causes_are_all_logged(lines):
    lines.log.error("experiment %s: one arm is frozen", "hero-1")
    lines.log.error("experiment %s: one arm is frozen", "hero-2")
    lines.log.error("rollups differ")
    for error in (OSError("disk full"), ValueError("disk full")):
        lines.log.error("not stored", exc_info=error)
    assert len(lines.kept) == 5


def test_information_is_never_limited(lines):
    lines.log.setLevel(logging.INFO)
    for _ in range(3):
        lines.log.info("folded")
    assert [text for text, _ in lines.kept] == ["folded"] * 3


def refuse(logger, path, *, status, route=None):
    match = SimpleNamespace(route=route) if route else None
    extra = {"status_code": status, "request": SimpleNamespace(resolver_match=match)}
    logger.warning("%s: %s", "Refused", path, extra=extra, exc_info=PermissionError("no"))


def test_stranger_who_tries_addresses_fills_one_line(lines):
    for number in range(500):
        refuse(lines.log, f"/wp-admin/{number}/", status=404)
    refuse(lines.log, "/api/v1/experiments/x/", status=404, route="api/v1/experiments/")
    assert len(lines.kept) == 2


def test_table_of_causes_is_bounded(lines):
    for number in range(2 * MOST_CAUSES):
        lines.log.error("cause %s", f"{number}-")
    assert len(lines.kept) == 2 * MOST_CAUSES
    assert len(lines.filter._windows) == MOST_CAUSES


class Request:
    """What a record of Django's names, with all that the request holds."""


def test_request_and_traceback_are_not_kept_alive(lines):
    request = Request()
    ended = weakref.ref(request)
    try:
        raise OSError("disk full")
    except OSError as error:
        given = ("tests", logging.ERROR, "x.py", 1, "not stored: %s", (error,), sys.exc_info())
        record = lines.log.makeRecord(*given, extra={"request": request})
        # Not by the logger: a handler of the test runner's keeps what passes.
        assert lines.filter.filter(record)
    del request, given, record
    gc.collect()
    assert ended() is None


def test_arguments_that_do_not_fit_are_the_handlers_to_report(lines):
    record = lines.log.makeRecord("tests", logging.ERROR, "x.py", 1, "%d of %d", ("one",), None)
    assert [lines.filter.filter(record) for _ in range(2)] == [True, False]


def test_child_process_begins_anew(lines):
    lines.log.error("down")
    child = os.fork()
    if child == 0:
        lines.log.error("down")
        os._exit(len(lines.kept))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2


ENDING = """
import logging, multiprocessing, sys
from ctaopt.observability.log_floods import FloodFilter
def work():
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(FloodFilter())
    logging.getLogger().addHandler(handler)
    logging.error("down")
    logging.error("down")
if sys.argv[1] == "alone":
    work()
else:
    child = multiprocessing.get_context(sys.argv[1]).Process(target=work)
    child.start()
    child.join()
"""


@pytest.mark.parametrize("process", ["alone", "fork"])
def test_count_is_told_as_a_process_ends(process, pytestconfig):
    """Also as a worker of the server ends, which is a fork."""
    command = [sys.executable, "-c", ENDING, process]
    done = subprocess.run(
        command, cwd=pytestconfig.rootpath, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["down", "1 more within a minute: down"]
