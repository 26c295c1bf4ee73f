import json
from datetime import timedelta

import pytest
from django.core.serializers.json import DjangoJSONEncoder

from experiments.services.reporting.report_json import report_as_json
from tests import factories
from tests.experiments.services.counted_experiments import (
    concluded,
    count,
    counted,
    insights_into,
    reported,
    verdict_of,
)
from tests.factories import NOW


def test_insights_name_the_segment_behind_a_mismatch(running_experiment):
    count(running_experiment, (5_900, 590), (5_650, 565))
    count(running_experiment, (900, 90), (600, 60), segment="device=tablet")
    count(running_experiment, (5_000, 500), (5_050, 505), segment="device=desktop")
    search = insights_into(reported(running_experiment)).health.srm_search
    assert [(one.value, one.explains) for one in search.drivers] == [("tablet", True)]


def test_insights_judge_the_visitors_of_several_arms(running_experiment):
    count(running_experiment, (4_900, 50), (4_900, 50), quarantined_visitors=100)
    multiple = insights_into(reported(running_experiment)).health.multiple_arms
    assert (multiple.count, multiple.is_unhealthy) == (200, True)


def test_insights_are_none_where_nothing_is_compared(draft):
    assert insights_into(reported(draft)) is None


def test_insights_cost_three_queries(running_experiment, django_assert_num_queries):
    count(running_experiment, (5_900, 590), (5_650, 565))
    report = reported(running_experiment)
    with django_assert_num_queries(3):
        insights_into(report)


@pytest.fixture
def planned(slot):
    """A sequential experiment planned for 20,000 visitors, running for ten days."""
    started = NOW - timedelta(days=10)
    return factories.make_running_experiment(slot, started_at=started, planned_visitors=20_000)


def test_verdict_says_what_to_expect_of_a_winner(planned):
    report = counted(planned, (6_000, 300), (6_000, 450))
    assert "Winners look better than they are" in verdict_of(report).cautions[0]


def test_verdict_warns_of_a_lift_too_good_to_be_true(planned):
    report = counted(planned, (6_000, 300), (6_000, 600))
    cautions = verdict_of(report).cautions
    assert any("check the set-up" in sentence for sentence in cautions)


def test_verdict_says_how_long_it_still_takes(planned):
    for ago in range(1, 9):
        count(planned, (500, 50), (500, 50), day=NOW.date() - timedelta(days=ago))
    report = reported(planned)
    sentences = verdict_of(report).sentences
    assert sentences[-1].endswith("About 12 days left at this traffic.")


@pytest.mark.parametrize(
    "counts",
    [((0, 0), (0, 0)), ((1, 1), (1, 0)), ((50, 0), (60, 60)), ((10**12, 10**9), (10**12, 10**9))],
)
def test_report_as_json_is_whole_whatever_the_counts(running_experiment, counts):
    count(running_experiment, *counts)
    count(running_experiment, *counts, segment="device=mobile")
    content = report_as_json(concluded(running_experiment))
    text = json.dumps(content, cls=DjangoJSONEncoder, allow_nan=False)
    assert json.loads(text)["insights"]["health"]["multiple_arms"]["count"] == 0
