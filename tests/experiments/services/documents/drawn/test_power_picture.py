from datetime import timedelta

import numpy as np
import pytest
from django.utils import translation
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportions_ztest

from experiments.models import Experiment
from experiments.services.documents.drawn.counted_pictures import counted_pictures
from experiments.services.documents.drawn.power_picture import (
    LEAST_STEP,
    looks_that_count,
    why_no_power,
)
from experiments.services.documents.pdf import pdf_content
from experiments.stats.sequential import stopping_probabilities
from experiments.stats.sequential.plan_boundary import Stage, plan_multiplier, stages_of
from experiments.stats.sequential.stopping_probabilities import crossing_probabilities
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count
from tests.factories import NOW

BASE, TARGET, PLANNED = 0.1, 0.1, 32_000
SIMULATIONS = 20_000


def planned(slot, key="planned", *, days, daily=2_000, visitors=PLANNED, **changes):
    """A test that is planned for a lift, with the same visitors in each arm on every day."""
    basis = {
        "visitors": visitors, "days": 28, "visitors_per_day": 2.0 * daily, "base": BASE,
        "is_rate": True, "target": TARGET, "n_arms": 2, "at": NOW.isoformat(),
    }  # fmt: skip
    place = factories.make_slot(slot.site, key) if slot.experiments.exists() else slot
    values = {"planned_visitors": visitors, "planned_visitors_basis": basis} | changes
    start = NOW - timedelta(days=days)
    experiment = factories.make_running_experiment(place, key, started_at=start, **values)
    n_arms = experiment.variants.count()
    for back in range(days, 0, -1):
        day = (NOW - timedelta(days=back)).date()
        count(experiment, *[(daily, round(daily * BASE))] * n_arms, day=day)
    return experiment


def power_of(experiment):
    pictures = {one.name: one for one in counted_pictures(concluded(experiment))}
    return pictures.get("power")


def drawn_clicks(days, daily):
    """Clicks until each day of both arms, of many tests with the lift that is worth finding."""
    random = np.random.default_rng(18)
    rates = BASE, BASE * (1 + TARGET)
    return [random.binomial(daily, p, (SIMULATIONS, days)).cumsum(axis=1) for p in rates]


def test_fixed_plan_finds_its_lift_as_often_as_simulated_tests_do(slot):
    experiment = planned(slot, plan=Experiment.Plan.FIXED, days=5)
    rows = power_of(experiment).rows
    control, arm = drawn_clicks(5, 2_000)
    for day, row in enumerate(rows):
        n = 2_000 * (day + 1)
        p_values = [
            # Found is a proof that the arm is better: one side of 5 %.
            proportions_ztest([a, b], [n, n], alternative="smaller")[1]
            for a, b in zip(control[:2_000, day], arm[:2_000, day], strict=True)
        ]
        # Of 2,000 simulated tests the standard error is at most 0.011.
        assert row["value"] == pytest.approx(np.mean(np.array(p_values) < 0.025), abs=0.03)
    assert [row["value"] for row in rows] == sorted(row["value"] for row in rows)


def test_sequential_plan_finds_its_lift_as_often_as_simulated_tests_do(slot):
    experiment = planned(slot, days=8)
    rows = power_of(experiment).rows
    control, arm = drawn_clicks(8, 2_000)
    n = 2_000 * np.arange(1, 9)
    pooled = (control + arm) / (2 * n)
    z = (arm - control) / n / np.sqrt(pooled * (1 - pooled) * 2 / n)
    times = 2 * n / PLANNED
    stages = stages_of(times, np.ones(8, dtype=bool))
    edges = plan_multiplier(times, level=0.05, alpha=0.05, stage=stages, reserve=0.02)
    found = np.maximum.accumulate(z >= edges, axis=1).mean(axis=0)
    assert [row["value"] for row in rows] == pytest.approx(found.tolist(), abs=0.011)
    # The plan's end: as many visitors as find the lift with four chances in five.
    assert rows[-1]["value"] == pytest.approx(0.8, abs=0.03)


def test_power_of_a_fixed_plan_is_that_of_its_formula(slot):
    """Two samples of statsmodels, with the variances of the planned rates.

    Found is a proof in the planned direction, as in a sequential plan: its half of alpha.
    """
    rows = power_of(planned(slot, plan=Experiment.Plan.FIXED, days=5)).rows
    rates = np.array([BASE, BASE * (1 + TARGET)])
    spread = np.sqrt((rates * (1 - rates)).mean())
    for day, row in enumerate(rows):
        power = NormalIndPower().power(
            BASE * TARGET / spread, 2_000 * (day + 1), 0.025, alternative="larger"
        )
        assert row["value"] == pytest.approx(power, abs=1e-6)


def test_measured_lift_changes_nothing(slot):
    one, other = planned(slot, "one", days=4), planned(slot, "other", days=4)
    before = power_of(other).rows
    arm = other.variants.get(arm=1)
    for row in arm.rollups.all():
        row.clicking_visitors = 230
        row.save()
    after = [row["value"] for row in power_of(other).rows]
    assert after == pytest.approx([row["value"] for row in before], rel=1e-9)
    assert [row["value"] for row in power_of(one).rows] == [row["value"] for row in before]


def test_words_name_the_planned_lift_and_no_measured_one(slot):
    picture = power_of(planned(slot, days=4))
    assert picture.title == "Power reached for the planned smallest lift, +10%"
    assert "a true lift of +10% of “planned b” had a chance of " in picture.words
    assert picture.options["level"] == {"at": 0.8, "text": "planned: 80%"}
    with translation.override("fr"):
        french = power_of(Experiment.objects.get(key="planned"))
    assert french.title.startswith("Puissance atteinte pour le plus petit gain relatif prévu, +10")


def test_document_shows_it_on_its_second_page(slot):
    content = pdf_content(concluded(planned(slot, days=4)))
    titles = [one["title"] for one in content["pictures"]]
    assert "Power reached for the planned smallest lift, +10%" in titles
    assert all(one["svg"].startswith("<svg") for one in content["pictures"])


def test_planned_end_is_marked(slot):
    """32,000 visitors at 4,000 a day take eight days; the first of four was 18 November."""
    marks = power_of(planned(slot, days=4)).options["marks"]
    assert marks == [{"day": "2026-11-25", "text": "planned end"}]
    ends = planned(slot, "ends", days=4, ends_at=NOW + timedelta(days=9))
    assert power_of(ends).options["marks"][0]["day"] == "2026-12-01"
    over = planned(slot, "over", days=9)
    assert power_of(over).options["marks"][0]["day"] == "2026-11-20"


def test_few_visitors_of_a_fixed_plan_find_hardly_more_than_half_of_alpha(slot):
    """What is proven worse by chance is not found: not 5 % of the tests, but 2.5 % and little."""
    (row,) = power_of(planned(slot, plan=Experiment.Plan.FIXED, days=1, daily=50)).rows
    assert 0.025 < row["value"] < 0.04


@pytest.mark.parametrize(("days_away", "is_marked"), [(90, True), (91, False), (20_000, False)])
def test_far_planned_end_is_told_in_words_only(slot, days_away, is_marked):
    """A mark centuries away would leave the days of the test no width; four days are shown."""
    end = NOW + timedelta(days=days_away - 1)
    picture = power_of(planned(slot, days=4, ends_at=end))
    assert [mark["day"] for mark in picture.options["marks"]] == (
        [end.date().isoformat()] if is_marked else []
    )
    assert ("is too far away to be drawn." in picture.words) != is_marked


def test_planned_end_of_a_slow_test_is_centuries_away(slot):
    experiment = planned(slot, days=4)
    experiment.planned_visitors_basis |= {"visitors_per_day": 0.5}
    experiment.save()
    picture = power_of(experiment)
    assert picture.options["marks"] == []
    # 64,000 days, of which 18 November is the first.
    assert picture.words.endswith("The planned end, 8 Feb 2202, is too far away to be drawn.")


def test_long_picture_marks_an_end_three_times_as_far(slot):
    experiment = planned(slot, days=50, daily=100, ends_at=NOW + timedelta(days=149))
    assert power_of(experiment).options["marks"] != []
    experiment.ends_at += timedelta(days=1)
    experiment.save()
    assert power_of(experiment).options["marks"] == []


def test_fixed_plan_is_read_at_its_end_only(slot):
    rows = power_of(planned(slot, plan=Experiment.Plan.FIXED, days=9)).rows
    assert (rows[0]["day"], rows[-1]["day"]) == ("2026-11-13", "2026-11-20")


def test_arm_of_fewest_visitors_is_decided_last(slot):
    shares = {"control": "0.5", "b": "0.4", "c": "0.1"}
    experiment = planned(slot, days=3, shares=shares)
    rare = experiment.variants.get(arm=2)
    for row in rare.rollups.all():
        row.visitors, row.clicking_visitors = 400, 40
        row.save()
    assert {row["series"] for row in power_of(experiment).rows} == {"planned c"}


def test_untrusted_data_have_no_chance(slot):
    experiment = planned(slot, days=4)
    experiment.variants.get(arm=1).rollups.update(visitors=3_000)
    assert power_of(experiment).words.startswith("The data cannot be trusted")


def test_many_days_are_thinned(slot):
    experiment = planned(slot, days=150, daily=100)
    rows = power_of(experiment).rows
    assert len(rows) == 56
    assert (rows[0]["day"], rows[-1]["day"]) == ("2026-06-25", "2026-11-21")


def test_few_last_visitors_cost_few_nodes(slot, monkeypatch):
    """Two visitors of a plan for 200,000 would take 6,000 nodes, of which all pairs are added."""
    experiment = planned(slot, days=11, visitors=200_000)
    day = (NOW - timedelta(days=1)).date()
    for arm in experiment.variants.all():
        arm.rollups.filter(day=day).update(visitors=1, clicking_visitors=0)
    counts, nodes = [], stopping_probabilities._nodes
    monkeypatch.setattr(
        stopping_probabilities, "_nodes", lambda count: counts.append(count) or nodes(count)
    )
    rows = power_of(experiment).rows
    assert (len(rows), rows[-1]["day"]) == (10, "2026-11-21")
    assert 0 < max(counts) < 500
    assert len(counts) == 9


def test_looks_are_a_step_apart_with_the_end_and_the_last():
    step = LEAST_STEP
    time = np.array(
        [0.2, 0.2 + step / 3, 0.5, 1 - step / 3, 1.0, 1 + step / 3, 1.4, 1.4 + step / 3]
    )
    is_end = stages_of(time, np.ones(8, dtype=bool)) == Stage.END
    kept = looks_that_count(time, np.ones(8, dtype=bool), is_end=is_end)
    assert np.flatnonzero(kept).tolist() == [0, 2, 4, 7]
    # The end is never replaced, not by the last look either.
    kept = looks_that_count(time[:6], np.ones(6, dtype=bool), is_end=is_end[:6])
    assert np.flatnonzero(kept).tolist() == [0, 2, 4]
    assert not looks_that_count(time, np.zeros(8, dtype=bool), is_end=np.zeros(8, dtype=bool)).any()


@pytest.mark.parametrize("end_day", [58, 70, 99])
def test_end_of_a_long_plan_is_always_a_look(end_day):
    """The plan's end has 27 % of alpha: without it the power is 10 points lower."""
    time = np.arange(1, 101) / end_day
    stages = stages_of(time, np.ones(100, dtype=bool))
    kept = looks_that_count(time, np.ones(100, dtype=bool), is_end=stages == Stage.END)
    powers = []
    for looks in (kept, np.ones(100, dtype=bool)):
        edges = plan_multiplier(time[looks], level=0.05, alpha=0.05, stage=stages[looks])
        upper = crossing_probabilities(edges, time[looks], drift=2.9).upper
        powers.append(upper[stages[looks] <= Stage.END][-1])
    assert kept.sum() == 56
    assert powers[0] == pytest.approx(powers[1], abs=0.005)
    if end_day == 70:
        assert powers[0] == pytest.approx(0.799, abs=0.01)


def test_long_test_finds_its_lift_as_often_as_simulated_tests_do(slot):
    """100 days, with the plan's end on day 70; looked at every day."""
    rows = power_of(planned(slot, days=100, daily=229)).rows
    random = np.random.default_rng(18)
    rates = BASE, BASE * (1 + TARGET)
    control, arm = (random.binomial(229, p, (4_000, 100)).cumsum(axis=1) for p in rates)
    n = 229 * np.arange(1, 101)
    pooled = (control + arm) / (2 * n)
    z = (arm - control) / n / np.sqrt(pooled * (1 - pooled) * 2 / n)
    times = 2 * n / PLANNED
    stages = stages_of(times, np.ones(100, dtype=bool))
    edges = plan_multiplier(times, level=0.05, alpha=0.05, stage=stages, reserve=0.02)
    found = (z >= edges).any(axis=1).mean()
    # Of 4,000 simulated tests the standard error is 0.006.
    assert rows[-1]["value"] == pytest.approx(found, abs=0.02)
    assert "2026-10-22" in {row["day"] for row in rows}  # Day 70.


@pytest.mark.parametrize("case", ["by hand", "shares", "no click", "aa", "draft"])
def test_page_says_why_there_is_none(slot, case):
    reasons = {"by hand": "names no smallest lift", "shares": "the shares of the traffic changed"}
    reasons["no click"] = "no lift can be computed yet"
    experiment = factories.make_experiment(slot) if case == "draft" else planned(slot, days=3)
    if case == "by hand":
        Experiment.objects.filter(pk=experiment.pk).update(planned_visitors=PLANNED + 1)
    elif case == "shares":
        factories.make_phases(experiment, ([0.5, 0.5], 1), ([0.3, 0.7], 1))
    elif case == "no click":
        for arm in experiment.variants.all():
            arm.rollups.update(clicking_visitors=0)
    elif case == "aa":
        experiment.variants.update(cta=experiment.variants.first().cta)
    full = concluded(experiment)
    why = why_no_power(full.report)
    assert reasons[case] in why if case in reasons else not why
    assert "power" not in [one.name for one in counted_pictures(full)]
