import math

import pytest
from scipy.stats import chi2_contingency

from experiments.services.archive.imported_tests import imported_tests
from tests.experiments.services.archive.conftest import import_test
from tests.factories import NOW


def only(site):
    [test] = imported_tests(site, now=NOW)
    return test


@pytest.mark.parametrize(("clicks", "verdict"), [(64, "different"), (58, "inconclusive")])
def test_wordings_differ_where_the_chi_squared_test_says_so(site, clicks, verdict):
    import_test(site, "u", ("Go", 1_000, 40), ("Go now", 1_000, clicks))
    table = [[40, 960], [clicks, 1_000 - clicks]]
    p_value = chi2_contingency(table, correction=False).pvalue
    assert (p_value < 0.05) == (verdict == "different")
    assert only(site).verdict == verdict
    assert only(site).best == ("Go now" if verdict == "different" else "")


def test_it_has_no_control_and_no_lift(site):
    import_test(site, "t", ("Get it", 1_000, 90), ("Get it now", 1_000, 150))
    test = only(site)
    assert (test.lift, test.experiment, test.source) == (None, None, "import")
    assert [arm["is_control"] for arm in test.arms] == [False, False]
    assert ["urgency" in arm["principles"] for arm in test.arms] == [False, True]
    assert test.arms[0]["log"] == pytest.approx(math.log(0.09))
    assert test.arms[0]["variance"] == pytest.approx((1 - 0.09) / 90)


def test_wordings_of_other_contexts_and_languages_are_other_tests(site):
    import_test(site, "t", ("Get it", 1_000, 90), ("Take it", 1_000, 80), context="red")
    import_test(site, "t", ("Try it", 1_000, 90), ("Buy it", 1_000, 80), context="blue")
    assert {test.n_arms for test in imported_tests(site, now=NOW)} == {2}
    assert len({test.digest for test in imported_tests(site, now=NOW)}) == 2


@pytest.mark.parametrize(
    ("arms", "changes", "verdict"),
    [
        ((("Go", 100, 1),), {}, "open"),
        ((("Go", 100, 1), ("Run", 100, 50)), {"suspect": True}, "invalid"),
        ((("Go", 100, 0), ("Run", 100, 0)), {}, "inconclusive"),
        ((("Go", 0, 0), ("Run", 100, 1)), {}, "inconclusive"),
    ],
    ids=["one wording", "suspect", "no click", "nobody"],
)
def test_what_cannot_be_compared_is_said_so(site, arms, changes, verdict):
    import_test(site, "t", *arms, **changes)
    assert only(site).verdict == verdict
