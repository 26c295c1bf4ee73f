import logging

import pytest

from experiments.services.events.outage_log import MOST_CAUSES, OutageLog


@pytest.fixture
def outage_log():
    return OutageLog(logging.getLogger("outage"))


def test_cause_is_logged_once_a_minute_with_the_count_of_the_others(outage_log, caplog):
    for second in range(100):
        outage_log.failed(OSError("the disk is full"), n_events=3, now=second)
    assert [record.getMessage() for record in caplog.records] == [
        "3 events could not be stored: the disk is full",
        "3 events could not be stored: the disk is full (59 more requests with 177 events failed "
        "like this since the last message)",
    ]
    assert all(record.exc_info for record in caplog.records)


def test_each_cause_is_logged_on_its_own(outage_log, caplog):
    outer = RuntimeError("not taken")
    outer.__cause__ = KeyError("a")
    for error in (OSError("a"), OSError("b"), ValueError("c"), outer, KeyError("d")):
        outage_log.failed(error, n_events=1, now=0)
    assert [record.getMessage().split(": ", 1)[1] for record in caplog.records] == [
        "a",
        "c",
        "not taken",
    ]


def test_causes_are_bounded(outage_log):
    for number in range(MOST_CAUSES + 5):
        kind = type(f"Error{number}", (Exception,), {})
        outage_log.failed(kind(), n_events=1, now=0)
    assert len(outage_log._causes) <= MOST_CAUSES
