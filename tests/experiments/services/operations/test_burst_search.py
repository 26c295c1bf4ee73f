"""What few senders make up is named and left out, and healthy traffic is not."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments.models import Burst, Event, Experiment, Rollup, SenderCount
from experiments.services.operations.auto_rollback import alarm_of, watch_experiments
from experiments.services.operations.burst_search import find_bursts, forget_senders
from experiments.services.rollups.folding import fold_pending, rebuild_rollups
from experiments.services.rollups.reconciliation import check_rollups
from tests import factories
from tests.experiments.services.operations.made_up_events import SLOT, Traffic
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases

MINUTE = timedelta(minutes=1)


@pytest.fixture
def traffic(running_experiment):
    """Six hours of 30 visitors a quarter of an hour from 300 groups of senders."""
    traffic = Traffic()
    traffic.honest(24, 30)
    return traffic


def sums():
    """What a report reads: by arm and day, without those who are left out."""
    rows = Rollup.objects.filter(segment="", visitors__gt=0).order_by("variant", "day")
    return [(r.variant_id, r.day, r.visitors, r.clicking_visitors) for r in rows]


def settle(now=NOW + MINUTE):
    """The work of a few minutes: fold, search, fold, watch."""
    fold_pending()
    find_bursts(now=now)
    fold_pending()
    return watch_experiments(now=now)


def test_search_that_finds_nothing_writes_nothing(traffic):
    with CaptureQueriesContext(connection) as queries:
        assert find_bursts(now=NOW) == []
    statements = [query["sql"].split()[0] for query in queries]
    assert statements
    assert not {"INSERT", "UPDATE", "DELETE"} & set(statements)


def test_ten_thousand_of_one_arm_move_neither_report_nor_roll_back(traffic):
    before = sums()
    traffic.send(traffic.visitors(10_000), sender=400, arm="b")
    assert settle() == []
    assert sums() == before
    assert Experiment.objects.get().status == "running"
    burst = Burst.objects.get()
    # Half of them are flagged for their arm; those who fit are a burst.
    assert (burst.n_senders, burst.day) == (1, NOW.date())
    assert 4_700 < burst.visitors < 5_300
    assert burst.all_visitors == burst.visitors + 720 - before_midnight(before)
    left_out = [(r.unexplained_visitors, r.burst_visitors) for r in Rollup.objects.all()]
    assert sum(map(sum, left_out)) == 10_000


def before_midnight(rows):
    return sum(visitors for _, day, visitors, _ in rows if day < NOW.date())


def test_both_arms_of_one_visitor_move_nothing(traffic):
    before = sums()
    visitors = traffic.visitors(1_000)
    for arm in ("control", "b"):
        traffic.send(visitors, sender=400, arm=arm)
    assert settle() == []
    assert sums() == before
    assert Burst.objects.get().visitors == 1_000


@pytest.mark.parametrize("clicks", [False, True])
def test_visitors_with_the_right_hash_move_nothing(traffic, clicks):
    before = sums()
    for sender in (400, 401):
        visitors = traffic.visitors(400)
        winners = {v for v in visitors if clicks and traffic.arm_of(v) == "b"}
        traffic.send(visitors, sender=sender, clicks=winners)
    assert settle() == []
    assert sums() == before
    assert (Burst.objects.get().n_senders, Burst.objects.get().visitors) == (2, 800)


def test_slow_drip_of_one_arm_moves_nothing(traffic):
    """A visitor a minute from one address, all with the right hash of one arm."""
    before = sums()
    for number, visitor in enumerate(traffic.visitors(240, arm="b")):
        traffic.send([visitor], sender=400, at=NOW - (240 - number) * MINUTE)
    assert settle() == []
    assert sums() == before
    assert Burst.objects.get().visitors == 240


def test_alarm_of_a_burst_that_was_not_searched_yet_rolls_nothing_back(traffic):
    traffic.send(traffic.visitors(600, arm="b"), sender=400)
    fold_pending()
    experiment = Experiment.objects.get()
    assert alarm_of(experiment) is not None
    assert watch_experiments(now=NOW) == []
    fold_pending()
    assert alarm_of(experiment) is None
    assert watch_experiments(now=NOW) == []


def test_dead_arm_is_caught_by_the_rest_even_during_a_burst(traffic):
    late = NOW + 2 * SLOT
    traffic.deal(traffic.visitors(400, arm="control"), range(300), at=late)
    traffic.send(traffic.visitors(600, arm="b"), sender=400, at=late)
    fold_pending()
    find_bursts(now=late)
    fold_pending()
    assert [experiment.key for experiment in watch_experiments(now=late)] == ["hero-test"]
    assert Burst.objects.get().n_senders == 1


def test_what_follows_from_a_named_sender_is_left_out_too(traffic):
    before = sums()
    for minute in range(3):
        traffic.send(traffic.visitors(300), sender=400, at=NOW + minute * MINUTE)
        fold_pending()
        find_bursts(now=NOW + minute * MINUTE)
    fold_pending()
    assert sums() == before
    burst = Burst.objects.get()
    assert (burst.visitors, burst.first_at, burst.last_at) == (900, NOW, NOW + 2 * MINUTE)


def test_visitor_of_a_burst_who_comes_again_is_looked_at_again(traffic):
    before, visitors = sums(), traffic.visitors(600, arm="b")
    for at in (NOW, NOW + MINUTE):
        traffic.send(visitors, sender=400, at=at)
        settle()
    assert sums() == before


def test_office_behind_one_address_is_no_burst(running_experiment):
    traffic = Traffic()
    traffic.honest(24, 60, senders=[7])
    traffic.send(traffic.visitors(300), sender=7)
    assert settle() == []
    assert not Burst.objects.exists()
    assert sum(visitors for *_, visitors, _ in sums()) == 24 * 60 + 300


def test_office_beside_other_visitors_is_no_burst(traffic):
    for number in range(16):
        traffic.send(traffic.visitors(40), sender=7, at=NOW - (16 - number) * SLOT)
    settle()
    assert not Burst.objects.exists()


def test_peak_from_many_addresses_is_no_burst(traffic):
    """As after a spot on television: 100 times the visitors, each address about alike."""
    traffic.deal(traffic.visitors(3_000), range(300))
    assert settle() == []
    assert not Burst.objects.exists()


def test_changed_shares_make_nobody_one_sided(traffic, running_experiment):
    """An office came in the morning, when shares were others than in the afternoon."""
    for number in range(15):
        traffic.send(traffic.visitors(20), sender=7, at=NOW - (15 - number) * SLOT)
    fold_pending()
    courses = ([0.5, 0.5], 1.0), ([0.95, 0.05], 1.0)
    factories.make_phases(running_experiment, *courses, every=timedelta(days=7))
    Traffic(phase=1).honest(4, 200, until=NOW + 5 * SLOT)
    find_bursts(now=NOW + 5 * SLOT)
    assert {row.phase for row in SenderCount.objects.all()} == {0, 1}
    assert not Burst.objects.exists()


def test_events_without_a_known_sender_are_no_burst(traffic):
    traffic.send(traffic.visitors(2_000), sender=None)
    settle()
    assert not Burst.objects.exists()


def test_rollups_without_a_burst_are_those_of_a_recount(traffic, running_experiment):
    traffic.send(traffic.visitors(600), sender=400)
    settle()
    assert check_rollups(now=NOW) == []
    before = sums()
    rebuild_rollups(experiment=running_experiment)
    assert sums() == before
    assert Event.objects.filter(flags=Event.Flag.BURST).count() == 600


def test_old_counts_go_and_what_is_usual_stays_for_a_week(traffic):
    traffic.send(traffic.visitors(50), sender=9)
    fold_pending()
    forget_senders(now=NOW + timedelta(days=3))
    kept = SenderCount.objects.exclude(slot__lt=NOW.replace(hour=0))
    assert {row.sender for row in kept} == {9}
    assert sum(row.visitors for row in kept) >= 50
    forget_senders(now=NOW + timedelta(days=9))
    assert not SenderCount.objects.exists()


@pytest.mark.parametrize("senders", [(400, 400), (400, 401, 402)])
@pytest.mark.parametrize("folds_between", [True, False])
def test_visitors_made_up_twice_move_nothing(traffic, senders, folds_between):
    """The second exposure comes when the visitor is counted already, and nobody is new."""
    before, visitors = sums(), traffic.visitors(600, arm="b")
    for number, sender in enumerate(senders):
        traffic.send(visitors, sender=sender, at=NOW + number * MINUTE / 6)
        if folds_between or not number:
            fold_pending()
    assert watch_experiments(now=NOW + MINUTE) == []
    for minute in range(2, 5):
        assert settle(NOW + minute * MINUTE) == []
    assert sums() == before
    assert Experiment.objects.get().status == "running"


def test_burst_without_an_end_does_not_put_a_roll_back_off(traffic):
    """A stranger who sends on and on cannot keep a dead arm alive."""
    traffic.deal(traffic.visitors(400, arm="control"), range(300))
    for second in range(3):
        traffic.send(traffic.visitors(300), sender=400, at=NOW + timedelta(seconds=second))
        fold_pending()
        find_bursts(now=NOW)
    traffic.send(traffic.visitors(300), sender=400)
    fold_pending()
    assert [experiment.key for experiment in watch_experiments(now=NOW)] == ["hero-test"]
    fold_pending()
    assert check_rollups(now=NOW) == []
