from datetime import timedelta

from experiments.event_schema.rules import PHASE, PRE_PERIOD


def test_pre_period_holds_each_weekday_equally_often():
    assert timedelta(weeks=2) == PRE_PERIOD


def test_phase_is_the_name_that_stored_segments_begin_with():
    assert PHASE == "phase"  # stored as "phase=1": never rename
