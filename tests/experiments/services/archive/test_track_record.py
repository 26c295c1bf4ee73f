import math
from datetime import timedelta

import pytest
from scipy.stats import beta

from experiments.models import PastTest
from experiments.selectors import history
from experiments.services.archive.keeping import keep_past_tests
from experiments.services.archive.track_record import track_record
from experiments.stats.meta_analysis.partial_pooling import pool_partially
from tests.experiments.services.archive.conftest import finish, import_test
from tests.factories import NOW


def record_of(site):
    return track_record(list(history.trusted_past_tests(site.pk)))


@pytest.fixture
def recorded(slot):
    """One won and shipped, one kept, one inconclusive, one undecided, one invalid, one imported."""
    finish(slot, "won", (2_000, 200), (2_000, 300), outcome="winner")
    finish(slot, "kept", (2_000, 200), (2_000, 170), outcome="control")
    finish(slot, "even", (2_000, 200), (2_000, 202), outcome="inconclusive")
    finish(slot, "open", (2_000, 200), (2_000, 230))
    finish(slot, "bad", (2_000, 200), (2_000, 400), outcome="invalid")
    import_test(slot.site, "t", ("Go", 1_000, 40), ("Run", 1_000, 90))
    keep_past_tests(now=NOW + timedelta(minutes=1))
    PastTest.objects.filter(name="won").update(is_shipped=True)
    return slot.site


def test_win_rate_counts_decided_and_valid_tests_with_its_interval(recorded):
    record = record_of(recorded)
    assert (record.n_won, record.n_decided) == (1, 3)
    assert record.win_rate == pytest.approx(1 / 3)
    assert record.win_interval == pytest.approx(tuple(beta(1.5, 2.5).ppf([0.025, 0.975])))


def test_lifts_are_grouped_raw_and_shrunken(recorded):
    record = record_of(recorded)
    groups = {(one.low, one.high): one for one in record.groups}
    # Raw: +50 %, -15 %, +1 %, +15 %.
    assert groups[0.25, None].n_raw == 1
    assert groups[None, -0.1].n_raw == 1
    assert groups[-0.02, 0.02].n_raw == 1
    assert groups[0.1, 0.25].n_raw == 1
    assert sum(one.n_shrunken for one in record.groups) == 4


def test_mean_lift_is_that_of_the_tests_with_a_control(recorded):
    record = record_of(recorded)
    assert record.mean_lift == pytest.approx((0.5 - 0.15 + 0.01 + 0.15) / 4)
    assert 0 < record.mean_shrunken < record.mean_lift


def test_shipped_gain_is_summed_raw_and_shrunken(recorded):
    record = record_of(recorded)
    pairs = [(300, 200), (170, 200), (202, 200), (230, 200)]
    logs = [math.log(a / b) for a, b in pairs]
    ses = [math.sqrt(1 / a - 1 / 2_000 + 1 / b - 1 / 2_000) for a, b in pairs]
    shrunken = math.expm1(pool_partially(logs, ses).effects[0].mean)
    assert record.n_shipped == 1
    assert record.shipped == pytest.approx(0.5)
    assert record.shipped_shrunken == pytest.approx(shrunken, rel=0.01)
    assert record.shipped_shrunken < record.shipped


def test_site_without_tests_has_no_rates(site):
    record = record_of(site)
    assert (record.win_rate, record.win_interval, record.shipped) == (None, None, None)
    assert {one.n_raw for one in record.groups} == {0}


def test_only_test_is_not_shrunken_by_itself(slot):
    finish(slot, "won", (2_000, 200), (2_000, 300), outcome="winner")
    keep_past_tests(now=NOW + timedelta(minutes=1))
    PastTest.objects.update(is_shipped=True)
    record = record_of(slot.site)
    assert record.shipped == record.shipped_shrunken
    assert record.win_interval[1] == 1.0
