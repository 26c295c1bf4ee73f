from datetime import timedelta

import pytest
from django.utils import translation

from experiments.models import Experiment
from experiments.services.documents.drawn.report_pictures import report_pictures
from experiments.services.pictures.looks import LOOKS
from experiments.services.pictures.specifications import KINDS
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count
from tests.factories import NOW


def pictures_of(experiment):
    return {picture.name: picture for picture in report_pictures(concluded(experiment))}


def test_forest_has_the_lifts_of_the_report(slot):
    shares = {"control": "0.4", "b": "0.3", "c": "0.3"}
    experiment = factories.make_running_experiment(slot, "three", shares=shares)
    count(experiment, (4_000, 400), (3_000, 290), (3_000, 400))
    rows = pictures_of(experiment)["lifts"].rows
    compared = [row.decisive.comparison for row in concluded(experiment).report.comparisons]
    assert [row["value"] for row in rows] == [one.lift for one in compared]
    assert [(row["low"], row["high"]) for row in rows] == [one.lift_interval for one in compared]


def test_words_name_no_loss_a_gain(running_experiment):
    count(running_experiment, (393, 27), (405, 22))
    words = pictures_of(running_experiment)["lifts"].words
    assert words.startswith("All lifts are negative; the highest is “hero-test b”: \u221221%, ")


def test_sequence_ends_where_the_verdict_stands(running_experiment):
    for back in range(6, 0, -1):
        day = (NOW - timedelta(days=back)).date()
        for arm, clicks in zip(running_experiment.variants.order_by("arm"), (50, 75), strict=True):
            factories.make_rollup(arm, visitors=1_000, clicks=clicks, day=day)
    picture = pictures_of(running_experiment)["sequence"]
    (row,) = concluded(running_experiment).report.comparisons
    last = picture.rows[-1]
    assert last["value"] == row.anytime.comparison.lift
    assert (last["low"], last["high"]) == pytest.approx(row.anytime.comparison.lift_interval)
    assert [mark["day"] for mark in picture.options["marks"]] == [row.proven.day.isoformat()]
    widths = [each["high"] - each["low"] for each in picture.rows]
    assert widths == sorted(widths, reverse=True)


def test_beliefs_are_drawn_when_the_plan_is_over(slot):
    experiment = factories.make_running_experiment(
        slot, "over", plan=Experiment.Plan.FIXED, planned_visitors=8_000
    )
    count(experiment, (4_000, 400), (4_000, 480))
    rows = pictures_of(experiment)["posteriors"].rows
    tops = {
        name: max((row for row in rows if row["series"] == name), key=lambda row: row["value"])["x"]
        for name in ("over control", "over b")
    }
    assert tops == pytest.approx({"over control": 0.1, "over b": 0.12}, abs=0.001)


def test_beliefs_wait_for_the_end(running_experiment):
    count(running_experiment, (4_000, 400), (4_000, 480))
    assert "posteriors" not in pictures_of(running_experiment)


def test_funnel_leads_to_the_goal(slot):
    experiment = factories.make_running_experiment(
        slot, "goal", primary_metric="conversion_rate", goal="order"
    )
    for arm in experiment.variants.all():
        factories.make_rollup(arm, visitors=1_000, clicks=100, converting_visitors=20)
    picture = pictures_of(experiment)["funnel"]
    assert [row["value"] for row in picture.rows] == [1, 1, 0.1, 0.1, 0.02, 0.02]
    assert picture.words == "Converted: “goal control”: 2.0%, “goal b”: 2.0%."


def test_segments_are_those_of_the_featured_arm(running_experiment):
    count(running_experiment, (4_000, 400), (4_000, 480))
    for arm, clicks in zip(running_experiment.variants.order_by("arm"), (200, 260), strict=True):
        factories.make_rollup(arm, visitors=2_000, clicks=clicks, segment="device=mobile")
    (row,) = pictures_of(running_experiment)["segments"].rows
    assert (row["name"], row["value"]) == ("Device · Phone", pytest.approx(0.3, abs=1e-9))


def test_shares_over_time_are_drawn_once_they_changed(running_experiment):
    count(running_experiment, (4_000, 400), (4_000, 480))
    assert "shares" not in pictures_of(running_experiment)
    factories.make_phases(running_experiment, ([0.5, 0.5], 1.0), ([0.2, 0.8], 1.0))
    rows = pictures_of(running_experiment)["shares"].rows
    assert [row["value"] for row in rows] == [0.5, 0.5, 0.2, 0.8, 0.2, 0.8]


@pytest.mark.parametrize("shares", [{"control": "1"}, None])
def test_nothing_is_drawn_before_visitors_came(slot, shares):
    assert pictures_of(factories.make_running_experiment(slot, "empty", shares=shares)) == {}


def test_pictures_speak_french(running_experiment):
    count(running_experiment, (4_000, 400), (4_000, 480))
    with translation.override("fr"):
        picture = pictures_of(running_experiment)["lifts"]
    assert picture.title == "Gain relatif de chaque formulation par rapport au témoin"


def test_day_that_is_not_over_takes_nothing_from_the_interval(running_experiment):
    for back, clicks in ((2, (50, 75)), (1, (50, 75)), (0, (5, 150))):
        day = (NOW - timedelta(days=back)).date()
        for arm, n in zip(running_experiment.variants.order_by("arm"), clicks, strict=True):
            factories.make_rollup(arm, visitors=1_000, clicks=n, day=day)
    *_earlier, over, today = pictures_of(running_experiment)["sequence"].rows
    assert (over["low"], over["high"]) == (today["low"], today["high"])
    assert today["value"] > over["value"]


def test_arm_has_one_colour_and_dash_in_all_pictures(running_experiment):
    for back in (2, 1):
        day = (NOW - timedelta(days=back)).date()
        count(running_experiment, (1_000, 50), (1_000, 75), day=day)
    scales = {}
    for picture in pictures_of(running_experiment).values():
        drawn = KINDS[picture.kind](picture.rows, look=LOOKS["wide"], **picture.options)
        for layer in drawn["layer"]:
            for channel in ("color", "strokeDash"):
                if channel in layer.get("encoding", {}):
                    scale = layer["encoding"][channel]["scale"]
                    own = scale["range"][scale["domain"].index("hero-test b")]
                    kind = "fill" if layer["mark"]["type"] == "bar" else channel
                    scales.setdefault(kind, set()).add(str(own))
    assert {kind: len(own) for kind, own in scales.items()} == dict.fromkeys(scales, 1)
    assert {"color", "strokeDash", "fill"} <= scales.keys()


def counted_segments(experiment, *clicks):
    """Count clicks of (control, other arm) of 2,000 visitors on phones, and on computers."""
    count(experiment, (4_000, 400), (4_000, 480))
    for device, counts in zip(("mobile", "desktop"), clicks, strict=False):
        for arm, n in zip(experiment.variants.order_by("arm"), counts, strict=True):
            factories.make_rollup(arm, visitors=2_000, clicks=n, segment=f"device={device}")
    return pictures_of(experiment)["segments"].words


@pytest.mark.parametrize(
    ("clicks", "words"),
    [
        (
            ((200, 240), (200, 230)),
            "2 segments looked at. "
            "No difference between segments is proven: the result for all applies to each.",
        ),
        (
            ((200, 260),),
            "1 segment looked at. "
            "Fewer than two segments have a lift, so there is nothing to compare.",
        ),
        (
            ((200, 800), (400, 100)),
            "2 segments looked at. The lift is proven to differ by: Device. Proven different from "
            "the control: “Device · Desktop”: \u221275%, “Device · Phone”: +300%.",
        ),
    ],
)
def test_no_segment_is_praised_for_its_luck(running_experiment, clicks, words):
    assert counted_segments(running_experiment, *clicks) == words


def test_tables_below_pictures_have_units(running_experiment):
    for back in (2, 1):
        day = (NOW - timedelta(days=back)).date()
        count(running_experiment, (1_000, 50), (1_000, 75), day=day)
    factories.make_phases(running_experiment, ([0.5, 0.5], 1.0), ([0.2, 0.8], 1.0))
    tables = {name: one.table() for name, one in pictures_of(running_experiment).items()}
    assert tables["funnel"][2][2:] == ["100", "5.00%"]
    assert tables["cumulative-rates"][0][2] == "5.00%"
    assert tables["shares"][0][2] == "50.00%"
    lifts = [cell for name in ("lifts", "sequence") for row in tables[name] for cell in row[-3:]]
    assert all(cell.endswith(("%", "∞")) for cell in lifts if cell != "-")
    assert "+50.0%" in lifts
