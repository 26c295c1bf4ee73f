"""The counting rules, one by one, against a plain recount of the events."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from experiments.models import (
    Event,
    Rollup,
)
from experiments.services.lifecycle.transitions import stop_experiment
from experiments.services.rollups.folding import (
    fold_pending,
    rebuild_rollups,
)
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.experiments.services.recounting import (
    COVARIATES,
    goal_rows_of,
    left_out_rows_of,
    recount,
    rows_of,
)
from tests.experiments.services.rollups.sending import DAY, MINUTE, MORNING, send
from tests.factories import NOW, event_message
from tests.intake import ingest

pytestmark = pytest.mark.on_both_databases
SECOND = timedelta(seconds=1)


def test_exposure_click_and_conversion_of_one_visitor(both):
    send(
        event_message(at=MORNING.isoformat()),
        event_message("click", at=(MORNING + MINUTE).isoformat()),
        event_message("click", at=(MORNING + 2 * MINUTE).isoformat()),
        event_message("conversion", value=12.5, at=(MORNING + 3 * MINUTE).isoformat()),
        event_message("conversion", value=0.1, at=(MORNING + DAY).isoformat()),
    )
    assert fold_pending() == 5
    expected = (1, 1, 1, Decimal("12.6"), Decimal("158.76"), 0)
    assert rows_of(both[0]) == {("b", MORNING.date()): expected}


def test_visitor_counts_on_the_utc_day_of_the_first_exposure(running_experiment):
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    send(
        event_message(at="2026-11-21T01:30:00+02:00"),  # Still the 20th in Greenwich.
        event_message(at=(midnight + MINUTE).isoformat()),
        event_message("click", at=(midnight + DAY).isoformat()),
    )
    fold_pending()
    day = (midnight - DAY).date()
    assert rows_of(running_experiment) == {("b", day): (1, 1, 0, 0, 0, 0)}


def test_earlier_exposure_that_comes_late_moves_the_visitor(running_experiment):
    send(event_message(at=NOW.isoformat()))
    fold_pending()
    send(event_message(at=(NOW - DAY).isoformat()))
    fold_pending()
    day = (NOW - DAY).date()
    assert rows_of(running_experiment) == {("b", day): (1, 0, 0, 0, 0, 0)}


@pytest.mark.parametrize("kind", ["exposure", "click"])
def test_visitor_of_two_arms_is_quarantined(running_experiment, kind):
    send(event_message(), event_message(kind, variant="control"), event_message("click"))
    send(event_message(visitor="v-2"))
    fold_pending()
    assert rows_of(running_experiment) == {("b", NOW.date()): (1, 0, 0, 0, 0, 1)}


@pytest.mark.parametrize(
    ("flag", "column"),
    [
        (Event.Flag.BOT, "bot_visitors"),
        (Event.Flag.INTERNAL, "internal_visitors"),
        (Event.Flag.PREFETCH, "prefetched_visitors"),
        (Event.Flag.UNEXPLAINED, "unexplained_visitors"),
        (Event.Flag.BURST, "burst_visitors"),
        (Event.Flag.LATE, "late_visitors"),
        (Event.Flag.LATE | Event.Flag.BOT, "bot_visitors"),
        (Event.Flag.UNEXPLAINED | Event.Flag.BURST, "unexplained_visitors"),
        (Event.Flag.BOT | Event.Flag.INTERNAL, "bot_visitors"),
        (Event.Flag.INTERNAL | Event.Flag.UNEXPLAINED, "internal_visitors"),
    ],
)
def test_visitor_of_flagged_exposures_is_left_out_and_counted_by_the_reason(both, flag, column):
    send(event_message(), event_message("conversion", value=3), flags=flag)
    send(event_message(visitor="v-2"))
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (1, 0, 0, 0, 0, 0)}
    assert left_out_rows_of(both[0]) == {("b", NOW.date(), column): 1}


def test_one_flagged_click_leaves_a_visitor_out_who_counted_before(both):
    send(event_message())
    fold_pending()
    send(event_message("click"), flags=Event.Flag.BOT)
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (0, 0, 0, 0, 0, 0)}
    assert left_out_rows_of(both[0]) == {("b", NOW.date(), "bot_visitors"): 1}


def test_flagged_events_of_one_experiment_leave_the_others_alone(both):
    send(event_message(slot="footer"), flags=Event.Flag.INTERNAL)
    send(event_message())
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (1, 0, 0, 0, 0, 0)}
    assert left_out_rows_of(both[1]) == {("b", NOW.date(), "internal_visitors"): 1}


@pytest.mark.parametrize("kind", ["exposure", "click"])
def test_unexplained_arm_takes_nobody_out_who_was_given_another(both, kind):
    earlier = (NOW - timedelta(minutes=30)).isoformat()
    send(event_message())
    fold_pending()
    send(event_message(kind, variant="control", at=earlier), flags=Event.Flag.UNEXPLAINED)
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (1, 0, 0, 0, 0, 0)}
    assert left_out_rows_of(both[0]) == {}


def test_two_unexplained_arms_are_no_visitor_of_several_arms(both):
    send(event_message(), event_message(variant="control"), flags=Event.Flag.UNEXPLAINED)
    fold_pending()
    assert [name for _, _, name in left_out_rows_of(both[0])] == ["unexplained_visitors"]


def test_visitor_who_was_late_once_takes_part_from_the_first_page_in_time(both):
    earlier = (NOW - timedelta(hours=1)).isoformat()
    send(event_message(at=earlier, late=True), event_message("conversion", at=earlier))
    fold_pending()
    assert left_out_rows_of(both[0]) == {("b", NOW.date(), "late_visitors"): 1}
    send(event_message(), event_message("click"))
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (1, 1, 0, 0, 0, 0)}
    assert left_out_rows_of(both[0]) == {}


def test_what_was_prefetched_counts_from_when_it_was_seen(both):
    before = (NOW - DAY).isoformat()
    send(
        event_message(at=before, variant="control"),
        event_message("conversion", at=before),
        flags=Event.Flag.PREFETCH,
    )
    fold_pending()
    assert left_out_rows_of(both[0]) == {("control", (NOW - DAY).date(), "prefetched_visitors"): 1}
    send(event_message(), event_message("click"))
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (1, 1, 0, 0, 0, 0)}
    assert left_out_rows_of(both[0]) == {}


@pytest.mark.parametrize(
    ("minutes", "expected"), [(10, {}), (11, {("b", NOW.date(), "impossible_visitors"): 1})]
)
def test_click_long_before_the_exposure_is_impossible(both, minutes, expected):
    early = (NOW - minutes * MINUTE).isoformat()
    send(event_message("click", at=early), event_message(), event_message("click"))
    fold_pending()
    assert left_out_rows_of(both[0]) == expected


def test_click_and_conversion_before_the_exposure_do_not_count(both):
    before = (MORNING - MINUTE).isoformat()
    send(
        event_message("click", at=before),
        event_message("conversion", at=before),
        event_message(at=MORNING.isoformat()),
    )
    fold_pending()
    assert rows_of(both[0]) == {("b", MORNING.date()): (1, 0, 0, 0, 0, 0)}


def test_conversion_that_arrives_before_its_exposure_counts(both):
    send(event_message("conversion", value=3, at=(MORNING + MINUTE).isoformat()))
    fold_pending()
    assert rows_of(both[0]) == {}
    send(event_message(at=MORNING.isoformat()))
    fold_pending()
    assert rows_of(both[0]) == {("b", MORNING.date()): (1, 0, 1, 3, 9, 0)}


def test_other_goal_does_not_count(both):
    send(event_message(), event_message("conversion", goal="newsletter"))
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (1, 0, 0, 0, 0, 0)}


def test_one_conversion_counts_in_every_experiment_the_visitor_met(both):
    send(event_message(), event_message(slot="footer"), event_message("conversion", value=2))
    fold_pending()
    for experiment in both:
        assert rows_of(experiment) == {("b", NOW.date()): (1, 0, 1, 2, 4, 0)}


def test_refund_is_taken_off(both):
    send(*(event_message("conversion", value=value) for value in (10, -10)), event_message())
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (1, 0, 1, 0, 0, 0)}


def test_same_visitor_id_on_two_sites_is_two_visitors(both, other_site):
    rival_slot = factories.make_slot(other_site, "hero")
    rival = factories.make_running_experiment(rival_slot, "rival-test", goal="signup")
    site = build_snapshot(revision=1, now=NOW).client_keys["rival-client-key"]
    ingest(site=site, items=[event_message(), event_message("conversion")], now=NOW)
    send(event_message())
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (1, 0, 0, 0, 0, 0)}
    assert rows_of(rival) == {("b", NOW.date()): (1, 0, 1, 0, 0, 0)}


def test_conversion_after_the_stop_does_not_count(both):
    experiment = both[0]
    send(event_message(at=MORNING.isoformat()))
    stop_experiment(experiment=experiment, now=MORNING + DAY)
    send(event_message("conversion", at=(MORNING + DAY + MINUTE).isoformat()))
    fold_pending()
    assert rows_of(experiment) == {("b", MORNING.date()): (1, 0, 0, 0, 0, 0)}
    assert rows_of(both[1]) == {}


@pytest.mark.parametrize(("minutes", "counts"), [(0, 1), (1, 0)])
def test_conversion_counts_within_the_window_of_the_first_exposure(both, minutes, counts):
    late = MORNING + DAY + minutes * MINUTE
    send(
        event_message(slot="footer", at=MORNING.isoformat()),
        event_message(slot="footer", at=(MORNING + 60 * MINUTE).isoformat()),
        event_message("conversion", value=2, at=late.isoformat()),
    )
    fold_pending()
    expected = (1, 0, counts, 2 * counts, 4 * counts, 0)
    assert rows_of(both[1]) == {("b", MORNING.date()): expected}


def test_acts_of_a_clock_ahead_are_taken_back_by_an_earlier_stop(both):
    # Counted while the experiment ran; a rebuild would not count it.
    experiment = both[0]
    ahead = (NOW + 5 * MINUTE).isoformat()
    click = event_message("click", at=ahead)
    send(event_message(), event_message("conversion", value=5, at=ahead), click)
    fold_pending()
    assert rows_of(experiment) == {("b", NOW.date()): (1, 1, 1, 5, 25, 0)}
    stop_experiment(experiment=experiment, now=NOW + MINUTE)
    fold_pending()
    assert rows_of(experiment) == recount(experiment)
    assert Rollup.objects.get(experiment=experiment, segment="").click_sum == 0
    assert rows_of(experiment) == {("b", NOW.date()): (1, 1, 0, 0, 0, 0)}


def click_sum_of(experiment):
    return sum(row.click_sum for row in Rollup.objects.filter(experiment=experiment, segment=""))


def test_click_of_a_clock_ahead_is_taken_back_by_an_earlier_stop(both):
    """Without a conversion beside it; that of the visitor's other experiment stays."""
    ahead = (NOW + 5 * MINUTE).isoformat()
    for slot in ("hero", "footer"):
        send(event_message(slot=slot), event_message("click", slot=slot, at=ahead))
    fold_pending()
    assert [click_sum_of(experiment) for experiment in both] == [1, 1]
    stop_experiment(experiment=both[0], now=NOW + MINUTE)
    fold_pending()
    assert [click_sum_of(experiment) for experiment in both] == [0, 1]
    rebuild_rollups(experiment=both[0])
    assert [click_sum_of(experiment) for experiment in both] == [0, 1]


def test_equal_times_are_told_apart_by_the_event_id_not_by_arrival(running_experiment):
    first = event_message(id="01a20000-0000-7000-8000-000000000001", variant="control")
    second = event_message(id="01a20000-0000-7000-8000-000000000002", variant="b")
    send(second)
    send(first)
    fold_pending()
    assert rows_of(running_experiment) == {("control", NOW.date()): (0, 0, 0, 0, 0, 1)}


def test_first_exposure_decides_the_segments(running_experiment):
    later = {"attributes": {"device": "desktop"}, "at": NOW.isoformat()}
    send(event_message(**later), event_message("click", at=NOW.isoformat()))
    fold_pending()
    send(event_message(attributes={"device": "mobile"}, at=MORNING.isoformat()))
    fold_pending()
    seen = {("b", MORNING.date()): (1, 1, 0, 0, 0, 0)}
    assert rows_of(running_experiment, "device=mobile") == seen
    assert rows_of(running_experiment, "device=desktop") == {}
    assert rows_of(running_experiment) == seen


def test_covariate_is_what_the_visitor_did_before_the_first_exposure(both):
    hours = [(MORNING + hour * 60 * MINUTE).isoformat() for hour in range(6)]
    send(
        event_message("conversion", value=3, at=(MORNING - 13 * DAY).isoformat()),
        event_message("conversion", value=50, at=(MORNING - 14 * DAY).isoformat()),
        event_message("conversion", value=7, goal="newsletter", at=hours[0]),
        event_message(at=hours[0]),
        event_message("click", at=hours[0]),
        event_message(slot="footer", at=hours[1]),
        event_message("conversion", value=20, at=hours[2]),
    )
    fold_pending()
    clicks, values = (rows_of(one, columns=COVARIATES) for one in both)
    # Seen before anything was clicked; the footer's experiment after a click.
    assert clicks == {("b", MORNING.date()): (0, 0, 0)}
    assert values == {("b", MORNING.date()): (3, 9, 60)}


def test_pre_period_ends_ten_minutes_before_the_first_sign(both):
    """A server may date a conversion before the exposure of a browser whose clock is fast."""
    seconds = {601: 1, 600: 10, 30: 100}
    send(
        event_message(slot="footer", at=MORNING.isoformat()),
        *(
            event_message("conversion", value=value, at=(MORNING - early * SECOND).isoformat())
            for early, value in seconds.items()
        ),
    )
    fold_pending()
    assert rows_of(both[1], columns=COVARIATES) == {("b", MORNING.date()): (1, 1, 0)}


def test_covariate_of_clicks_is_one_click_on_another_experiment(both):
    hours = [(MORNING + hour * 60 * MINUTE).isoformat() for hour in range(6)]
    send(
        event_message(slot="footer", at=hours[0]),
        *(event_message("click", slot="footer", at=hours[1]) for _ in range(3)),
        # Its exposure comes a little later, or never came.
        event_message("click", at=(MORNING + 175 * MINUTE).isoformat()),
        event_message(at=hours[3]),
        event_message("click", at=hours[4]),
    )
    fold_pending()
    assert rows_of(both[0], columns=COVARIATES) == {("b", MORNING.date()): (1, 1, 1)}


def test_goal_of_a_guardrail_is_counted_beside_the_own_one(both):
    send(
        event_message(),
        event_message("conversion", value=2),
        event_message("conversion", goal="newsletter", value=0.5),
        event_message("conversion", goal="newsletter", value=1),
        event_message("conversion", goal="other", value=9),
    )
    fold_pending()
    assert rows_of(both[0]) == {("b", NOW.date()): (1, 0, 1, 2, 4, 0)}
    expected = (1, Decimal("1.5"), Decimal("2.25"), 2, 4, 0)
    assert goal_rows_of(both[0]) == {("b", NOW.date(), "newsletter"): expected}
    assert goal_rows_of(both[1]) == {}
