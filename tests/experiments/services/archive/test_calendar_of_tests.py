from datetime import date, timedelta
from decimal import Decimal

import pytest

from experiments.models import Experiment, Namespace, Site, Standing
from experiments.selectors.lifecycle import experiments_between
from experiments.services.archive.calendar_of_tests import calendar_rows, span_of
from tests import factories
from tests.factories import NOW

# NOW is 22 November 2026, 12:00 UTC; tests of the factories began on 15 November.
FIRST, LAST = date(2026, 9, 1), date(2027, 2, 28)
STOPPED = Experiment.Status.STOPPED


def rows():
    found = experiments_between(
        sites=Site.objects.all(), first=NOW - timedelta(days=90), last=NOW + timedelta(days=90)
    )
    return calendar_rows(found, first=FIRST, last=LAST, now=NOW)


def days(experiment):
    span = span_of(Experiment.objects.get(pk=experiment.pk), now=NOW)
    return span and (span.start, span.end, span.is_expected)


def planned(slot, key="planned", *, after, lasting=None, **changes):
    begin = NOW + timedelta(days=after)
    end = begin + timedelta(days=lasting) if lasting else None
    return factories.make_experiment(slot, key, starts_at=begin, ends_at=end, **changes)


def test_finished_test_has_the_days_that_it_ran(slot):
    past = factories.make_running_experiment(slot, status=STOPPED, stopped_at=NOW)
    assert days(past) == (date(2026, 11, 15), date(2026, 11, 22), False)


def test_days_are_those_of_the_site(slot):
    """Noon of 22 November in Greenwich is the next day on Kiritimati, 14 hours ahead."""
    Site.objects.update(time_zone="Pacific/Kiritimati")
    past = factories.make_running_experiment(slot, status=STOPPED, stopped_at=NOW)
    assert days(past)[1] == date(2026, 11, 23)


@pytest.mark.parametrize(("left", "end"), [(3.4, date(2026, 11, 25)), (None, None), (1e12, None)])
def test_running_test_ends_when_its_verdict_is_expected(running_experiment, left, end):
    Standing.objects.create(
        experiment=running_experiment, computed_at=NOW, status="keep_running", today=NOW.date(),
        days_left=left,
    )  # fmt: skip
    assert days(running_experiment) == (date(2026, 11, 15), end, True)


def test_planned_end_goes_before_the_reckoned_one(running_experiment):
    Experiment.objects.update(ends_at=NOW + timedelta(days=8))
    assert days(running_experiment)[1] == date(2026, 11, 30)


def test_draft_has_days_once_its_start_is_planned(slot, draft):
    assert days(draft) is None
    assert days(planned(slot, after=5, lasting=10)) == (date(2026, 11, 27), date(2026, 12, 7), True)


def test_draft_lasts_until_its_planned_visitors_are_in(slot):
    basis = {
        "visitors": 10_000, "days": 28, "visitors_per_day": 500.0, "base": 0.1, "is_rate": True,
        "target": 0.1, "n_arms": 2, "at": NOW.isoformat(),
    }  # fmt: skip
    one = planned(slot, after=5, planned_visitors=10_000, planned_visitors_basis=basis)
    assert days(one)[1] == date(2026, 11, 27) + timedelta(days=20)


def test_late_start_is_planned_for_today(slot):
    assert days(planned(slot, after=-3)) == (date(2026, 11, 22), None, True)


def test_tests_of_one_slot_and_audience_collide_on_their_common_days(slot):
    live = factories.make_running_experiment(slot, "live", ends_at=NOW + timedelta(days=10))
    later = planned(slot, after=5, lasting=30)
    (row,) = rows()
    assert [span.experiment for span in row.spans] == [live, later]
    (one,) = row.collisions
    assert (one.start, one.end) == (date(2026, 11, 27), date(2026, 12, 2))
    assert one.is_certain
    assert one.has_one_audience


def test_test_after_the_end_of_another_does_not_collide(slot):
    factories.make_running_experiment(slot, "live", ends_at=NOW + timedelta(days=3))
    planned(slot, after=5)
    assert rows()[0].collisions == ()


def test_audiences_without_a_common_visitor_do_not_collide(slot):
    french = factories.make_audience(slot.site, "french", {"locale": "fr"})
    english = factories.make_audience(slot.site, "english", {"locale": "en"})
    factories.make_running_experiment(slot, "live", audience=french)
    apart = planned(slot, "apart", after=5, audience=english)
    assert rows()[0].collisions == ()
    Experiment.objects.filter(pk=apart.pk).update(audience=None)
    assert not rows()[0].collisions[0].has_one_audience


def test_ranges_of_a_namespace_do_not_collide(slot):
    space = Namespace.objects.create(site=slot.site, key="all", seed="s")
    half = Decimal("0.5")
    ranges = {"namespace": space, "namespace_start": Decimal(0), "namespace_end": half}
    factories.make_running_experiment(slot, "live", **ranges)
    planned(slot, after=5, **ranges | {"namespace_start": half, "namespace_end": Decimal(1)})
    assert rows()[0].collisions == ()


def test_tests_of_two_slots_have_rows_of_their_own(slot):
    factories.make_running_experiment(slot, "one")
    factories.make_running_experiment(factories.make_slot(slot.site, "footer"), "two")
    assert [(row.slot.key, len(row.spans)) for row in rows()] == [("footer", 1), ("hero", 1)]
    assert [row.collisions for row in rows()] == [(), ()]


def test_test_outside_of_the_days_is_left_out(slot):
    long_ago = {"started_at": NOW - timedelta(days=300), "stopped_at": NOW - timedelta(days=200)}
    factories.make_running_experiment(slot, "past", status=STOPPED, **long_ago)
    assert rows() == []
