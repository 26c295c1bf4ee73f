import json
from datetime import timedelta

import pytest
from django.core.serializers.json import DjangoJSONEncoder

from experiments.services.reporting.report_json import report_as_json
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count, counted
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases


def test_report_as_json_holds_plain_numbers(site):
    content = report_as_json(concluded(factories.make_library_experiment(site)))
    text = json.dumps(content, cls=DjangoJSONEncoder, allow_nan=False)
    assert json.loads(text)["omnibus"]["statistic"] == pytest.approx(96.743, abs=5e-4)


def test_report_as_json_labels_the_lift_to_expect(running_experiment):
    report = counted(running_experiment, (10_000, 500), (10_000, 700))
    (lift,) = report_as_json(concluded(report.experiment))["insights"]["lifts"]
    assert lift["expected"]["assumption"] == "weak_prior"
    assert lift["expected"]["prior"] == "normal(mean 0, sd 0.25)"
    low, high = lift["stagewise"]["interval"]
    assert low < lift["stagewise"]["lift"] < high
    assert lift["stagewise"]["crossed_on"] == NOW.date() - timedelta(days=1)


def comparison_of(experiment):
    full = concluded(experiment)
    return report_as_json(full)["comparisons"][0], full.report.comparisons[0]


def test_a_script_that_reads_the_p_value_reads_the_one_that_holds_at_every_look(
    running_experiment,
):
    count(running_experiment, (4_000, 400), (4_000, 460))
    row, result = comparison_of(running_experiment)
    assert row["valid"] == "at every look"
    assert row["p_value"] == result.anytime.comparison.p_value > 0.05
    assert row["p_value_adjusted"] == result.anytime.p_value_adjusted
    assert tuple(row["lift_interval"]) == result.anytime.comparison.lift_interval
    assert row["fixed"]["p_value"] == result.fixed.comparison.p_value < 0.05
    assert row["fixed"]["p_value_adjusted"] == result.fixed.p_value_adjusted


def test_fixed_plan_has_its_own_figures_on_top(slot):
    experiment = factories.make_running_experiment(slot, plan="fixed", planned_visitors=8_000)
    count(experiment, (4_000, 400), (4_000, 460))
    row, result = comparison_of(experiment)
    assert row["valid"] == "at one planned look"
    assert row["p_value"] == row["fixed"]["p_value"] == result.fixed.comparison.p_value


def test_days_of_a_report_name_their_time_zone(running_experiment):
    site = running_experiment.slot.site
    site.time_zone = "Pacific/Auckland"
    site.save()
    content = report_as_json(concluded(running_experiment))
    assert (content["time_zone"], content["days_in"]) == ("Pacific/Auckland",) * 2
    running_experiment.days_in = "Asia/Kathmandu"
    running_experiment.save()
    content = report_as_json(concluded(running_experiment))
    assert (content["time_zone"], content["days_in"]) == ("Pacific/Auckland", "Asia/Kathmandu")
