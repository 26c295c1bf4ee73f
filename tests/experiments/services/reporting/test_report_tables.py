"""The tables of a report hold the figures of its JSON."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import translation

from experiments.models import Experiment, GoalRollup, Site
from experiments.services.reporting.report_json import report_as_json
from experiments.services.reporting.report_tables import report_tables
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count
from tests.factories import NOW, make_phases, make_rollup

YESTERDAY = NOW.date() - timedelta(days=1)


def rows_of(full):
    """Each table's rows as records, by the keys of the columns."""
    return {
        table.key: [
            dict(zip((column.key for column in table.columns), row, strict=True))
            for row in table.rows
        ]
        for table in report_tables(full)
    }


def make_value_experiment(slot, metric):
    goal = "" if metric == "click_rate" else "sale"
    experiment = factories.make_running_experiment(slot, primary_metric=metric, goal=goal)
    for variant, (clicks, sales, value) in zip(
        experiment.variants.order_by("arm"), ((300, 90, 4_500), (390, 120, 6_600)), strict=True
    ):
        make_rollup(
            variant,
            visitors=3_000,
            clicks=clicks,
            converting_visitors=sales,
            value_sum=Decimal(value),
            value_sum_squares=Decimal(value * 60),
            click_sum=clicks + 20,
            click_sum_squares=clicks + 60,
            conversion_sum=sales + 5,
            conversion_sum_squares=sales + 15,
            value_click_product_sum=Decimal(value),
        )
    return experiment


@pytest.mark.parametrize("metric", [str(metric) for metric in Experiment.Metric])
def test_arms_have_the_figures_of_the_json(slot, metric):
    full = concluded(make_value_experiment(slot, metric))
    content, rows = report_as_json(full), rows_of(full)["arms"]
    for row, arm in zip(rows, content["arms"], strict=True):
        names = ("share", "visitors", "clicks", "conversions", "all_clicks", "all_conversions")
        assert {name: row[name] for name in (*names, "rate")} == {
            name: arm[name] for name in (*names, "rate")
        }
        assert (row["arm"], row["wording"]) == (arm["key"], arm["text"])
        assert (row["rate_low"], row["rate_high"]) == tuple(arm["interval"] or (None, None))
    (comparison,) = content["comparisons"]
    for name in ("effect", "lift", "p_value", "p_value_adjusted", "valid"):
        assert rows[1][name] == comparison[name]
        assert rows[0][name] is None
    for name in ("effect", "lift"):
        assert (rows[1][f"{name}_low"], rows[1][f"{name}_high"]) == tuple(
            comparison[f"{name}_interval"]
        )
    assert rows[1]["lift"] > 0


def test_compared_within_phases_as_in_the_json(running_experiment):
    make_phases(running_experiment, ([0.9, 0.1], 1), ([0.5, 0.5], 1))
    control, arm = running_experiment.variants.order_by("arm")
    make_rollup(control, visitors=9_000, clicks=900, phase=0)
    make_rollup(arm, visitors=1_000, clicks=100, phase=0)
    make_rollup(control, visitors=5_000, clicks=150, phase=1)
    make_rollup(arm, visitors=5_000, clicks=150, phase=1)
    full = concluded(running_experiment)
    content, tables = report_as_json(full), rows_of(full)
    assert tables["arms"][1]["lift"] == content["comparisons"][0]["lift"]
    # Alike in each phase: all visitors together would show a loss of 68 %.
    assert tables["arms"][1]["lift"] == pytest.approx(0, abs=1e-9)
    found = [(row["phase"], row["arm"], row["share"], row["visitors"]) for row in tables["phases"]]
    assert found == [
        (0, "control", 0.9, 9_000),
        (0, "b", 0.1, 1_000),
        (1, "control", 0.5, 5_000),
        (1, "b", 0.5, 5_000),
    ]
    for row in tables["arms"]:
        of_arm = [each for each in tables["phases"] if each["arm"] == row["arm"]]
        assert sum(each["visitors"] for each in of_arm) == row["visitors"]


def make_goal_rollups(experiment, goal, *converting):
    for variant, number in zip(experiment.variants.order_by("arm"), converting, strict=True):
        GoalRollup.objects.create(
            experiment=experiment,
            variant=variant,
            goal=goal,
            day=YESTERDAY,
            converting_visitors=number,
        )


def test_other_metrics_days_and_segments_have_the_figures_of_the_json(running_experiment):
    rate = {"metric": "conversion_rate", "goal": "signup"}
    running_experiment.guardrails.create(margin=Decimal("0.05"), **rate)
    running_experiment.secondary_metrics.create(**rate)
    count(running_experiment, (4_000, 400), (4_000, 520))
    for segment, counts in {
        "device=mobile": ((2_000, 150), (2_000, 260)),
        "device=desktop": ((2_000, 250), (2_000, 260)),
    }.items():
        count(running_experiment, *counts, segment=segment)
    make_goal_rollups(running_experiment, "signup", 200, 190)
    full = concluded(running_experiment)
    content, tables = report_as_json(full), rows_of(full)
    (rail,) = content["guardrails"]
    (row,) = tables["guardrails"]
    assert (row["lift"], row["margin"]) == (rail["lift"], rail["margin"])
    assert [row["lift_low"], row["lift_high"]] == rail["bounds"]
    (metric,) = content["secondary_metrics"]
    (row,) = tables["secondary_metrics"]
    assert (row["mean_control"], row["mean"]) == tuple(metric["means"])
    assert row["p_value_adjusted"] == metric["p_value_adjusted"]
    assert [(row["day"], row["visitors"], row["clicks"]) for row in tables["days"]] == [
        (day["day"], day["visitors"], day["clicks"]) for day in content["days"]
    ]
    (segments,) = content["insights"]["segments"]
    assert [(row["visitors"], row["lift"]) for row in tables["segments"]] == [
        (one["n"], one["effect"]) for one in segments["result"]["segments"]
    ]
    facts = {row["name"]: row["value"] for row in tables["experiment"]}
    assert facts["Verdict"] == content["verdict"]["title"]
    assert facts["p-value of the traffic split"] == content["srm"]["p_value"]


def test_headings_are_in_the_language(running_experiment):
    count(running_experiment, (4_000, 400), (4_000, 520))
    with translation.override("fr"):
        arms = report_tables(concluded(running_experiment))[0]
    titles = {column.key: column.title for column in arms.columns}
    assert (arms.title, titles["visitors"]) == ("Variantes", "Visiteurs")
    assert titles["lift_low"] == "Gain relatif, borne basse"


def test_draft_without_visitors_has_its_arms_and_no_figures(draft):
    tables = rows_of(concluded(draft))
    assert [row["visitors"] for row in tables["arms"]] == [0, 0]
    assert tables["arms"][1]["lift"] is None
    assert tables["days"] == []


def test_days_and_their_time_zone_are_the_experiments(running_experiment):
    Site.objects.update(time_zone="Europe/Paris")
    Experiment.objects.update(days_in="Asia/Kathmandu")
    count(running_experiment, (100, 10), (100, 12))
    tables = {one.key: one for one in report_tables(concluded(running_experiment))}
    facts = dict(row[:2] for row in tables["experiment"].rows)
    zones = facts["Time zone"], facts["Time zone of the days"]
    assert zones == ("Europe/Paris", "Asia/Kathmandu")
    assert tables["days"].columns[0].title == "Day"
