import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import OperationalError

from experiments.models import EventIntake
from experiments.services.monitoring import event_intake
from experiments.services.monitoring.event_intake import (
    CLOCK,
    KEPT_FOR,
    SCHEMA,
    UNKNOWN,
    IntakeCounter,
    kind_of,
    rejected_shares,
)
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases


@pytest.fixture
def counter():
    """A counter that writes when it is told to."""
    return IntakeCounter()


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("at: lies in the future", CLOCK),
        ("at: is more than 31 days ago", CLOCK),
        ("id: its time lies in the future", CLOCK),
        ("slot: unknown slot 'x'", UNKNOWN),
        ("experiment: needed, several on this slot have such a variant", UNKNOWN),
        ("Object missing required field `type`", SCHEMA),
        ("visitor: contains a character that cannot be printed", SCHEMA),
    ],
)
def test_reasons_are_of_three_kinds(reason, kind):
    assert kind_of(reason) == kind


def test_processes_add_to_the_row_of_the_hour(site, counter):
    other = IntakeCounter()
    counter.add(site="shop", taken=5, rejected=[CLOCK, CLOCK, SCHEMA])
    other.add(site="shop", taken=2, rejected=[UNKNOWN])
    for one in (counter, other, counter):
        one.write(now=NOW)
    row = EventIntake.objects.get()
    assert (row.taken, row.rejected_clock, row.rejected_unknown, row.rejected_schema) == (
        7,
        2,
        1,
        1,
    )


def test_rows_are_kept_for_a_week(site, counter):
    for days in range(10):
        counter.add(site="shop", taken=1, rejected=[])
        counter.write(now=NOW + timedelta(days=days))
    assert EventIntake.objects.count() == KEPT_FOR.days + 1


def test_counts_wait_for_a_silent_database(site, counter, monkeypatch):
    def silent(*_):
        raise OperationalError("gone")

    counter.add(site="shop", taken=3, rejected=[])
    with monkeypatch.context() as patch:
        patch.setattr(event_intake, "_add", silent)
        counter.write(now=NOW)
    counter.write(now=NOW)
    assert EventIntake.objects.get().taken == 3


def test_deleted_site_is_left_out(site, counter):
    counter.add(site="gone", taken=3, rejected=[])
    counter.write(now=NOW)
    assert counter._counts == Counter()
    assert not EventIntake.objects.exists()


@pytest.mark.parametrize(
    ("taken", "rejected", "is_alarming"), [(10, 10, False), (96, 4, False), (950, 51, True)]
)
def test_alarm_needs_a_share_and_a_number(site, counter, taken, rejected, is_alarming):
    counter.add(site="shop", taken=taken, rejected=[CLOCK] * rejected)
    counter.write(now=NOW)
    (share,) = rejected_shares(now=NOW)
    assert share.is_alarming is is_alarming
    assert share.share == pytest.approx(rejected / (taken + rejected))
    assert "clocks" in str(share.advice)


def test_what_is_long_ago_raises_no_alarm(site, counter):
    counter.add(site="shop", taken=0, rejected=[CLOCK] * 500)
    counter.write(now=NOW)
    assert rejected_shares(now=NOW + timedelta(hours=2))
    assert not rejected_shares(now=NOW + timedelta(hours=3))


def test_thread_writes_by_itself(site, counter, settings, monkeypatch):
    written = threading.Event()
    monkeypatch.setattr(event_intake, "_add", lambda *_: written.set())
    settings.CTAOPT_INTAKE_INTERVAL_S = 0.01
    counter.add(site="shop", taken=3, rejected=[])
    assert written.wait(30)


def test_process_that_does_not_write_by_itself_writes_nothing_at_its_end(site, counter):
    counter.add(site="shop", taken=3, rejected=[])
    counter.write_the_rest()
    assert not EventIntake.objects.exists()


ENDING = """
import multiprocessing, sys
import django
django.setup()
from django.conf import settings
from experiments.services.monitoring.event_intake import IntakeCounter
settings.CTAOPT_INTAKE_INTERVAL_S = 600
class Counter(IntakeCounter):
    def write(self, *, now):
        print(self._counts["shop", "taken"], flush=True)
def work():
    Counter().add(site="shop", taken=3, rejected=[])
if sys.argv[1] == "alone":
    work()
else:
    child = multiprocessing.get_context(sys.argv[1]).Process(target=work)
    child.start()
    child.join()
"""


@pytest.mark.parametrize("process", ["alone", "fork"])
def test_rest_is_written_as_a_process_ends(process, pytestconfig):
    """Also as a worker of the server ends, which is a fork."""
    command = [sys.executable, "-c", ENDING, process]
    done = subprocess.run(
        command, cwd=pytestconfig.rootpath, capture_output=True, text=True, check=True
    )
    assert done.stdout == "3\n"
