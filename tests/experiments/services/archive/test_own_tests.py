import math

import pytest

from experiments.models import Tag
from experiments.selectors import history
from experiments.services.archive.own_tests import own_tests
from tests import factories
from tests.experiments.services.archive.conftest import finish
from tests.experiments.services.counted_experiments import reported
from tests.factories import NOW


def rows():
    return {row.name: row for row in own_tests(history.archivable_experiments(), now=NOW)}


def test_figures_are_those_of_the_report(won):
    test, [comparison] = rows()["won"], reported(won).comparisons
    decisive = comparison.decisive.comparison
    assert (test.lift, (test.lift_low, test.lift_high)) == (decisive.lift, decisive.lift_interval)
    assert test.lift == pytest.approx(1.5)
    assert (test.verdict, test.best, test.visitors, test.clicks) == ("winner", "won b", 2_000, 210)
    assert (test.slot.key, test.placement, test.ended_on) == ("hero", "above_fold", NOW.date())


def test_arms_keep_log_ratio_and_their_own_part_of_its_variance(won):
    control, arm = rows()["won"].arms
    # Delta method, by hand: the variance of the log of a proportion is (1 - p) / (n p).
    assert (control["log"], control["is_control"]) == (0.0, True)
    assert control["variance"] == pytest.approx(0.94 / 60, rel=2e-3)
    assert arm["log"] == pytest.approx(math.log(2.5))
    assert arm["variance"] == pytest.approx(0.85 / 150, rel=2e-3)


def test_undecided_test_is_open_and_one_that_splits_wrongly_suspect(slot):
    finish(slot, "open", (1_000, 60), (1_000, 70))
    finish(slot, "bad", (1_000, 60), (2_000, 140), outcome="invalid")
    tests = rows()
    assert (tests["open"].verdict, tests["open"].suspect) == ("open", False)
    assert (tests["bad"].verdict, tests["bad"].suspect) == ("invalid", True)


def test_tags_and_words_can_be_looked_for(won):
    cta = won.variants.get(key="b").cta
    cta.tags.add(Tag.objects.create(site=cta.site, name="spring sale"))
    test = rows()["won"]
    assert test.tags == "\nspring sale\n"
    assert test.words == "won won control won b"


def test_test_without_visitors_or_rivals_has_no_figures(slot):
    finish(slot, "empty", (0, 0), (0, 0))
    lonely = {"shares": {"control": "1"}}
    factories.make_experiment(
        slot, "lonely", status="stopped", started_at=NOW, stopped_at=NOW, **lonely
    )
    tests = rows()
    assert (tests["empty"].lift, tests["lonely"].lift) == (None, None)
    assert [arm["log"] for arm in tests["empty"].arms] == [None, None]
