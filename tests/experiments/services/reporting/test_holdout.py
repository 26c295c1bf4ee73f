from datetime import timedelta

import pytest

from experiments.models import CTA, Event, Experiment, Site
from experiments.services.reporting import holdout
from experiments.services.reporting.holdout import holdout_reach, read_holdout, readout_as_json
from experiments.services.serving.evaluation import evaluate_slot
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases
DAY = timedelta(days=1)


@pytest.fixture
def held(slot):
    """The shop, which holds a fifth of its visitors out, with an experiment on its slot."""
    Site.objects.update(holdout="0.2")
    factories.make_running_experiment(slot)
    slot.site.refresh_from_db()
    return slot.site


def convert(site, *visitors, goal="order", at=NOW - DAY, **changes):
    variant = Experiment.objects.get(key="hero-test").variants.first()
    for visitor in visitors:
        values = {"kind": "conversion", "goal": goal, "site": site, "at": at}
        factories.make_event(variant, visitor=visitor, **(values | changes))


def read(site, days=28):
    return read_holdout(site=site, goal="order", days=days, now=NOW)


def is_served_the_default(visitor):
    served = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    return evaluate_slot(served, "hero", visitor=visitor, attributes={}).variant == "default"


def test_visitors_are_held_out_as_serving_holds_them_out(held):
    visitors = [f"v-{number}" for number in range(60)]
    convert(held, *visitors)
    readout = read(held)
    served_default = sum(is_served_the_default(visitor) for visitor in visitors)
    assert (readout.held_out, readout.others) == (served_default, 60 - served_default)
    assert 0 < readout.held_out < 30
    assert readout.share == 0.2
    assert readout.ratio.p_value > 0.001


def test_only_this_goal_time_and_site_count_and_each_visitor_once(held, other_site):
    convert(held, "v-1", "v-1", "v-2")
    convert(held, "v-3", goal="newsletter")
    convert(held, "v-4", at=NOW - 8 * DAY)
    convert(held, "v-5", flags=int(Event.Flag.BOT))
    convert(other_site, "v-6")
    readout = read(held, days=7)
    assert readout.held_out + readout.others == 2
    assert readout.since == NOW - 7 * DAY


def test_site_without_a_holdout_has_no_readout(slot):
    assert read(slot.site) is None


def test_time_without_conversions_has_no_ratio(held):
    readout = read(held)
    assert (readout.ratio, readout.held_out, readout.others) == (None, 0, 0)
    assert readout_as_json(readout)["ratio"] is None


def test_open_end_is_null_in_json(held):
    others = [visitor for visitor in map(str, range(9)) if not is_served_the_default(visitor)]
    convert(held, *others)
    assert readout_as_json(read(held))["ratio"]["interval"][1] is None


def test_more_visitors_than_are_read_are_told(held, monkeypatch):
    monkeypatch.setattr(holdout, "MOST_VISITORS", 2)
    convert(held, "v-1", "v-2", "v-3")
    readout = read(held)
    assert readout.is_cut
    assert readout.held_out + readout.others == 2


@pytest.mark.parametrize("days", [0, 366])
def test_days_out_of_range_are_refused(held, days):
    with pytest.raises(ValueError, match="days must be in"):
        read(held, days=days)


def test_shipped_wordings_are_added_up_shrunken(held):
    footer = factories.make_slot(held, "footer")
    ended = {"status": Experiment.Status.STOPPED, "stopped_at": NOW - DAY}
    values = {"primary_metric": "conversion_rate", "goal": "order", "planned_visitors": 20_000}
    past = factories.make_running_experiment(footer, "past", **ended, **values)
    for variant, orders in zip(past.variants.order_by("arm"), (500, 620), strict=True):
        factories.make_rollup(
            variant, visitors=10_000, converting_visitors=orders, day=NOW.date() - 2 * DAY
        )
    assert read(held).shipped == ()
    footer.default_cta = CTA.objects.get(variants__key="b", variants__experiment=past)
    footer.save()
    readout = read(held)
    (row,) = readout.shipped
    assert (row.experiment, row.text) == ("past", "past b")
    assert row.lift == pytest.approx(0.24, abs=0.01)
    assert row.expected is not None
    assert row.expected < row.lift
    assert readout.expected_sum == row.expected


def test_smaller_holdout_needs_more_conversions_and_delays_tests_less():
    small, large = holdout_reach(share=0.01), holdout_reach(share=0.2)
    assert small.conversions > large.conversions
    # A fifth of the visitors less: a quarter more time.
    assert large.longer == pytest.approx(0.25)
