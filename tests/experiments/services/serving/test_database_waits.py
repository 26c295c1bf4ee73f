"""An evaluation that would wait for the database: refused, or made without the query."""

import threading

import pytest

from experiments.services.serving.database_waits import Waits, WouldWaitError, may_wait, set_waits
from experiments.services.serving.evaluation import evaluate_slot
from experiments.services.serving.preview_links import preview_token
from tests.experiments.services.serving.visitors import (
    HALVES,
    VISITORS,
    arms_and_movers,
    served,
    variant_of,
)


@pytest.fixture
def waits():
    yield set_waits
    set_waits(Waits.ALLOWED)


def test_thread_may_wait_unless_it_is_told_otherwise(waits):
    waits(Waits.SKIPPED)
    other = []
    thread = threading.Thread(target=lambda: other.append(may_wait()))
    thread.start()
    thread.join(timeout=240)
    assert (other, may_wait()) == ([True], False)
    waits(Waits.REFUSED)
    with pytest.raises(WouldWaitError):
        may_wait()


def test_only_a_visitor_in_doubt_needs_the_database(
    running_experiment, waits, django_assert_num_queries
):
    _, _, _, movers = arms_and_movers(running_experiment, HALVES, ([0.7, 0.3], 1.0))
    site, (mover, *_) = served(), sorted(movers)
    waits(Waits.REFUSED)
    with django_assert_num_queries(0):
        for visitor in VISITORS:
            if visitor not in movers:
                variant_of(site, visitor)
        with pytest.raises(WouldWaitError):
            variant_of(site, mover)
    waits(Waits.ALLOWED)
    known = variant_of(site, mover)
    waits(Waits.REFUSED)
    assert variant_of(site, mover) == known  # Looked up by then.


def test_visitor_in_doubt_is_drawn_as_if_new_without_the_query(
    running_experiment, waits, django_assert_num_queries
):
    _, _, after, movers = arms_and_movers(running_experiment, HALVES, ([0.7, 0.3], 1.0))
    site = served()
    waits(Waits.SKIPPED)
    with django_assert_num_queries(0):
        assert {v: variant_of(site, v) for v in movers} == {v: after[v] for v in movers}


def test_preview_without_the_query_shows_what_others_see(
    running_experiment, waits, django_assert_num_queries
):
    token, site = preview_token(running_experiment.variants.get(key="b")), served()
    waits(Waits.SKIPPED)
    with django_assert_num_queries(0):
        shown = evaluate_slot(site, "hero", visitor="v-1", attributes={"preview": token})
    assert (shown.preview_error, shown.is_preview) == ("unavailable", False)
    waits(Waits.REFUSED)
    with pytest.raises(WouldWaitError):
        evaluate_slot(site, "hero", visitor="v-1", attributes={"preview": token})
