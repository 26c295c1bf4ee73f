import numpy as np
import pytest
from scipy import stats

from experiments.stats.health.sample_ratio import check_srm_sequential
from experiments.stats.health.sample_ratio_search import find_srm_drivers

HALVES = (0.5, 0.5)


def search(counts, shares):
    """Search an experiment of one phase."""
    phases = {name: {key: [n] for key, n in values.items()} for name, values in counts.items()}
    return find_srm_drivers(phases, [shares])


def split(rng, n, shares=HALVES):
    return rng.multinomial(n, shares).tolist()


@pytest.fixture
def broken_safari():
    """Safari loses a third of arm B; browser, device and locale are independent."""
    rng = np.random.default_rng(20261122)
    safari = rng.multinomial(3_000, [0.6, 0.4])
    others = {name: rng.multinomial(n, HALVES) for name, n in (("Chrome", 7_000), ("Edge", 900))}
    total = safari + sum(others.values())
    phones = rng.multivariate_hypergeometric(total, 6_000)
    return {
        "device": {"phone": phones.tolist(), "desktop": (total - phones).tolist()},
        "browser": {"Safari": safari.tolist(), **{k: v.tolist() for k, v in others.items()}},
    }


def test_search_names_the_value_that_explains_the_mismatch(broken_safari):
    found = search(broken_safari, HALVES)
    best = found.drivers[0]
    assert (best.attribute, best.value, best.explains) == ("browser", "Safari", True)
    assert next(iter(found.attributes)) == "browser"
    assert found.attributes["browser"] < 1e-6
    assert found.attributes["device"] > 0.01
    assert found.n_searched == 5


def test_values_are_corrected_for_the_search(broken_safari):
    found = search(broken_safari, HALVES)
    safari = check_srm_sequential([broken_safari["browser"]["Safari"]], [HALVES]).p_value
    assert found.drivers[0].p_value_adjusted == pytest.approx(5 * safari)
    rest = np.add(broken_safari["browser"]["Chrome"], broken_safari["browser"]["Edge"])
    without = check_srm_sequential([rest], [HALVES]).p_value
    assert found.drivers[0].p_value_without == without


def test_a_fault_of_the_assignment_spoils_every_value_and_explains_nothing():
    rng = np.random.default_rng(20261122)
    wrong = (0.55, 0.45)
    counts = {"browser": {name: split(rng, 6_000, wrong) for name in ("Safari", "Chrome", "Edge")}}
    found = search(counts, HALVES)
    assert len(found.drivers) == 3
    assert not any(driver.explains for driver in found.drivers)
    assert found.attributes["browser"] > 0.01


def test_homogeneity_is_pearsons_test():
    table = [[900, 600], [5_000, 5_050], [40, 60]]
    counts = {"browser": dict(zip("abc", table, strict=True))}
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert search(counts, HALVES).attributes["browser"] == pytest.approx(expected)


def test_rare_values_and_unused_arms_take_no_part():
    table = {"a": [900, 600, 0], "b": [5_000, 5_050, 0], "rare": [3, 0, 0], "none": [0, 0, 0]}
    found = search({"browser": table}, (0.5, 0.5, 0.0))
    pair = stats.chi2_contingency([[900, 600], [5_000, 5_050]], correction=False).pvalue
    assert found.attributes["browser"] == pytest.approx(pair)
    assert [driver.value for driver in found.drivers] == ["a"]


def test_one_value_cannot_be_compared_nor_explained():
    found = search({"browser": {"Safari": [900, 600]}, "empty": {}}, HALVES)
    assert found.attributes == {"browser": None, "empty": None}
    (driver,) = found.drivers
    assert (driver.p_value_without, driver.explains) == (None, False)


def test_nothing_to_search_finds_nothing():
    found = search({}, HALVES)
    assert (found.attributes, found.drivers, found.n_searched) == ({}, (), 0)
    nobody = search({"browser": {"a": [0, 0], "b": [5, 0]}}, HALVES)
    assert (nobody.attributes, nobody.drivers) == ({"browser": None}, ())


def test_search_refuses_counts_of_another_length():
    with pytest.raises(ValueError, match="shares must have one number for each of the 3 arms"):
        search({"browser": {"Safari": [1, 2, 3]}}, HALVES)


def test_phases_are_searched_together_each_by_its_own_shares():
    """Safari loses a tenth of arm B in both phases; Chrome came in the second one mostly."""
    counts = {
        "Safari": [[5_000, 4_500], [9_000, 900]],
        "Chrome": [[500, 500], [45_000, 5_000]],
        "Edge": [[2_000, 2_010], [180, 20]],
    }
    found = find_srm_drivers({"browser": counts}, [HALVES, (0.9, 0.1)])
    assert [(driver.value, driver.explains) for driver in found.drivers] == [("Safari", True)]
    assert found.drivers[0].counts == (14_000, 5_400)
    tables = [[values[phase] for values in counts.values()] for phase in (0, 1)]
    tests = [stats.chi2_contingency(table, correction=False) for table in tables]
    statistic, dof = sum(test.statistic for test in tests), sum(test.dof for test in tests)
    assert found.attributes["browser"] == pytest.approx(stats.chi2.sf(statistic, dof))


@pytest.mark.slow
def test_search_rarely_accuses_a_healthy_experiment():
    rng = np.random.default_rng(20261122)
    n_repeats = 500
    accused = 0
    for _ in range(n_repeats):
        counts = {name: {str(v): split(rng, 2_000) for v in range(4)} for name in "abc"}
        accused += bool(search(counts, HALVES).drivers)
    # Holm over 12 values at one in a thousand.
    assert stats.binomtest(accused, n_repeats, 0.001, "greater").pvalue > 0.001
