"""The split of an experiment whose shares changed, from events to the report."""

import re

import pytest
from scipy.stats import chisquare

from experiments.event_schema.rules import UNKNOWN_PHASE
from experiments.selectors import reports
from experiments.services.analysis.report import report_of
from tests import factories
from tests.experiments.services.counted_experiments import insights_into
from tests.factories import NOW


def counted(experiment, *visitors, **changes):
    for variant, n in zip(experiment.variants.order_by("arm"), visitors, strict=True):
        factories.make_rollup(variant, visitors=n, clicks=n // 10, **changes)


def report():
    return report_of(experiment=reports.experiments_for_report().get(), now=NOW)


@pytest.fixture
def changed(running_experiment):
    """Halves for 2,000 visitors, then 90 to 10 for 10,000."""
    factories.make_phases(running_experiment, ([0.5, 0.5], 1.0), ([0.9, 0.1], 1.0))
    counted(running_experiment, 1_000, 1_000)
    counted(running_experiment, 9_000, 1_000, phase=1)
    counted(running_experiment, 600, 350, segment="device=mobile")
    counted(running_experiment, 5_400, 350, segment="device=mobile", phase=1)
    return running_experiment


def test_split_goes_phase_by_phase(changed):
    check = report().srm
    assert (check.p_value, check.dof) == (1.0, 1)


def test_mismatch_inside_a_phase_is_found(changed):
    changed.rollups.filter(segment="", phase=1, variant__arm=1).update(visitors=1_400)
    assert report().srm.is_mismatch


def test_verdict_rests_on_the_check_that_holds_at_every_look(running_experiment):
    """A chi-squared of the same counts has p = 0.0005: read daily, it accuses the healthy."""
    counted(running_experiment, 10_000, 10_494)
    assert chisquare([10_000, 10_494]).pvalue < 0.001
    assert 0.001 < report().srm.p_value < 1


def test_small_deviations_add_up_over_the_phases(running_experiment):
    factories.make_phases(running_experiment, *[([0.5, 0.5], 1.0)] * 20)
    for phase in range(20):
        counted(running_experiment, 2_550, 2_450, phase=phase)
    assert report().srm.is_mismatch


def test_latecomers_of_an_arm_that_left_count_where_they_were_assigned(running_experiment):
    factories.make_phases(running_experiment, ([0.5, 0.5], 1.0), ([1.0, 0.0], 1.0))
    counted(running_experiment, 1_000, 1_000)
    counted(running_experiment, 1_000, 1_000, segment="device=mobile")
    counted(running_experiment, 5_000, 5, phase=1)
    counted(running_experiment, 5_000, 5, phase=1, segment="device=mobile")
    assert report().srm.p_value == 1.0
    assert insights_into(report()).health.srm_search.drivers == ()


def test_many_latecomers_are_a_mismatch(running_experiment):
    factories.make_phases(running_experiment, ([0.5, 0.5], 1.0), ([1.0, 0.0], 1.0))
    counted(running_experiment, 1_000, 1_000)
    counted(running_experiment, 5_000, 300, phase=1)
    assert report().srm.is_mismatch


def test_a_clock_that_is_wrong_proves_no_mismatch(running_experiment):
    """A visitor of the second phase's new arm, dated before it began."""
    factories.make_phases(running_experiment, ([1.0, 0.0], 1.0), ([0.5, 0.5], 1.0))
    counted(running_experiment, 5_000, 1)
    counted(running_experiment, 1_000, 1_000, phase=1)
    assert report().srm.p_value == 1.0


def test_an_arm_that_never_had_a_share_proves_a_mismatch(running_experiment):
    factories.make_phases(running_experiment, ([1.0, 0.0], 0.5), ([1.0, 0.0], 1.0))
    counted(running_experiment, 6_000, 1)
    assert report().srm.p_value == 0.0


def test_a_phase_with_few_visitors_counts_exactly(running_experiment):
    factories.make_phases(running_experiment, ([0.5, 0.5], 1.0), ([0.9, 0.1], 1.0))
    counted(running_experiment, 1_000, 1_000)
    counted(running_experiment, 10, 0, phase=1)
    assert report().srm.p_value == 1.0


def test_visitors_of_an_unknown_phase_are_left_out_and_counted(changed, admin_client):
    """They split 4 to 1, and all those of one arm clicked, nobody of the other."""
    before = report()
    page = f"/admin/experiments/experiment/{changed.pk}/report/"
    assert "Visitors whose shares are unknown" not in admin_client.get(page).text
    for arm, (visitors, clicks) in enumerate(((4_000, 0), (1_000, 1_000))):
        factories.make_rollup(
            changed.variants.get(arm=arm), visitors=visitors, clicks=clicks, phase=UNKNOWN_PHASE
        )
    after = report()
    assert after.srm == before.srm
    assert after.comparisons[0].fixed == before.comparisons[0].fixed
    assert insights_into(after).health.unknown_phase_visitors == 5_000
    text = admin_client.get(page).text
    assert re.search("Visitors whose shares are unknown</dt>\\s*<dd>\\s*5,000", text)
    answer = admin_client.get(f"/api/v1/experiments/{changed.key}/report/").json()
    assert answer["insights"]["health"]["unknown_phase_visitors"] == 5_000


def test_drivers_are_searched_within_phases(changed):
    insights = insights_into(report())
    assert {result.attribute for result in insights.segments} == {"device"}
    search = insights.health.srm_search
    assert search.drivers[0].attribute == "device"
    # All of the mobile visitors split as the phases say.
    for phase, visitors in ((0, (500, 500)), (1, (5_400, 600))):
        for arm, count in enumerate(visitors):
            rows = changed.rollups.filter(segment="device=mobile", phase=phase, variant__arm=arm)
            rows.update(visitors=count)
    assert not insights_into(report()).health.srm_search.drivers


def test_coverage_alone_is_no_change_of_shares(slot):
    experiment = factories.make_running_experiment(slot)
    factories.make_phases(experiment, ([0.5, 0.5], 0.1), ([0.5, 0.5], 1.0))
    assert not report().strata.has_changed_shares
