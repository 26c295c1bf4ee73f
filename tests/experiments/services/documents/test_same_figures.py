"""Page, JSON, CSV, XLSX, PDF and notebook carry the same figures, whatever the metric."""

import csv
import io
import json
import re
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.urls import reverse
from openpyxl import load_workbook

from experiments.formatting import (
    count,
    decimal,
    p_value,
    percent,
    percent_interval,
    signed_interval,
    signed_percent,
)
from experiments.models import Experiment
from experiments.selectors import reports
from experiments.services.documents.pdf import pdf_content
from experiments.services.documents.report_files import report_file
from tests.experiments.services.counted_experiments import concluded
from tests.experiments.services.documents.counted_metrics import KINDS, make_counted
from tests.factories import NOW

# Columns of the arms' table that hold the figures of the JSON: by arm, and by comparison.
OF_ARMS = {
    "Share": ("share",), "Visitors": ("visitors",), "Clicks": ("clicks",),
    "Conversions": ("conversions",), "All clicks": ("all_clicks",),
    "All conversions": ("all_conversions",), "Rate, low end": ("interval", 0),
    "Rate, high end": ("interval", 1),
}  # fmt: skip
OF_READINGS = {
    "Difference": ("effect",), "Difference, low end": ("effect_interval", 0),
    "Difference, high end": ("effect_interval", 1), "Lift": ("lift",),
    "Lift, low end": ("lift_interval", 0), "Lift, high end": ("lift_interval", 1),
    "p-value": ("p_value",), "Adjusted p-value": ("p_value_adjusted",),
}  # fmt: skip
# What the page shows beside visitors who did something: how often, where the metric counts that.
ALL_OF = {"value_per_click": "all_clicks", "conversions_per_visitor": "all_conversions"}
READINGS = {
    "at every look": "anytime", "at one planned look": "fixed",
    "Without the adjustment": "unadjusted",
}  # fmt: skip


def content_of(experiment, file_format, **choices):
    row = reports.experiments_for_report().get(pk=experiment.pk)
    return report_file(experiment=row, now=NOW, file_format=file_format, **choices).content


def notebook_report(content):
    (cell,) = [
        cell for cell in json.loads(content)["cells"] if cell["source"].startswith("report = ")
    ]
    names = {"json": json}
    exec(cell["source"], names)  # noqa: S102
    return names["report"]


def at(node, path):
    """The value at a path of keys; None where there is nothing on the way."""
    for key in path:
        node = None if node is None else node[key]
    return node


def csv_rows(content):
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def sheet_rows(content, title):
    titles, *cells = load_workbook(io.BytesIO(content))[title].values
    return [dict(zip(titles, row, strict=True)) for row in cells]


def number(cell):
    """A cell of a CSV, text, or of a sheet; None for an empty one."""
    return None if cell in (None, "") else float(cell)


def gains_of(report):
    """The gains of each comparison by the titles of their columns."""
    unit = "clicks" if report["metric"] == "value_per_click" else "visitors"
    named = {f"Gain per 1,000 {unit}": "per_thousand", "Gain a month": "per_month"}
    ends = {"": ("amount",), ", low end": ("interval", 0), ", high end": ("interval", 1)}
    return {
        f"{title}{end}": (name, *path)
        for title, name in named.items()
        for end, path in ends.items()
    }


@pytest.fixture(params=KINDS)
def counted(request, slot):
    experiment = make_counted(slot, request.param)
    return experiment, json.loads(content_of(experiment, "json"))


def test_csv_and_workbook_have_the_arms_of_the_json(counted):
    experiment, report = counted
    tables = (
        csv_rows(content_of(experiment, "csv")),
        sheet_rows(content_of(experiment, "xlsx"), "Arms"),
    )
    chances = [belief["chance_of_best"] for belief in report["beliefs"]] or [None] * 3
    for rows in tables:
        for arm, row, chance in zip(report["arms"], rows, chances, strict=True):
            for title, path in OF_ARMS.items():
                assert number(row[title]) == pytest.approx(at(arm, path)), title
            assert number(row[metric_title(experiment)]) == pytest.approx(arm["rate"])
            assert number(row["Chance to be the best"]) == pytest.approx(chance)
        for compared, row in zip(report["comparisons"], rows[1:], strict=True):
            for title, path in OF_READINGS.items():
                assert number(row[title]) == pytest.approx(at(compared, path)), title
            for title, path in gains_of(report).items():
                assert number(row[title]) == pytest.approx(at(compared["gains"], path)), title


def metric_title(experiment):
    return str(experiment.get_primary_metric_display())


def test_csv_and_workbook_have_every_reading_of_the_json(counted):
    experiment, report = counted
    compared = {row["key"]: row for row in report["comparisons"]}
    tables = (
        csv_rows(content_of(experiment, "csv", table="comparisons")),
        sheet_rows(content_of(experiment, "xlsx"), "Readings"),
    )
    for rows in tables:
        assert len(rows) == sum(
            1 + (row["valid"] == "at every look") + (row["unadjusted"] is not None)
            for row in report["comparisons"]
        )
        for row in rows:
            name, whole = READINGS[row["Reading"]], compared[row["Arm"]]
            reading = whole if name == "anytime" else whole[name]
            for title, path in OF_READINGS.items():
                assert number(row[title]) == pytest.approx(at(reading, path)), title


@pytest.mark.parametrize("status", ["paused", "stopped"])
def test_traffic_of_a_test_that_does_not_run_is_the_same_everywhere(slot, admin_client, status):
    """20,000 visitors, from noon of the 15th to the end of the 21st, the last day with visitors."""
    experiment = make_counted(slot, "clicks")
    stopped_at = NOW - timedelta(hours=6) if status == "stopped" else None
    Experiment.objects.filter(pk=experiment.pk).update(status=status, stopped_at=stopped_at)
    report = json.loads(content_of(experiment, "json"))
    assert {row["gains"]["units_per_day"] for row in report["comparisons"]} == {20_000 / 6.5}
    tables = (
        csv_rows(content_of(experiment, "csv")),
        sheet_rows(content_of(experiment, "xlsx"), "Arms"),
    )
    with time_machine.travel(NOW, tick=False):
        url = reverse("admin:experiments_experiment_report", args=[experiment.pk])
        page = unescape(admin_client.get(url).content.decode())
    said = re.findall(r"With (.{1,12}) visitors a day, as in this test", page)
    assert said == ["3,077"]  # 20,000 in 6.5 days are 3,076.9 a day.
    for compared, *rows in zip(report["comparisons"], *(rows[1:] for rows in tables), strict=True):
        month = compared["effect"] * 20_000 / 6.5 * 30
        for row in rows:
            assert number(row["Gain a month"]) == pytest.approx(month)
        assert compared["gains"]["per_month"]["amount"] == pytest.approx(month)
    featured = max(report["comparisons"], key=lambda row: row["lift"])
    assert decimal(featured["gains"]["per_month"]["amount"], 4) in page


def test_split_and_version_are_in_the_files(counted):
    experiment, report = counted
    rows = sheet_rows(content_of(experiment, "xlsx"), "Experiment")
    facts = {row["Name"]: row["Value"] for row in rows}
    assert number(facts["p-value of the traffic split"]) == pytest.approx(report["srm"]["p_value"])
    assert facts["Version of the code"] == report["code_version"]
    content = pdf_content(concluded(experiment))
    assert content["footer"].endswith(report["code_version"])


def test_notebook_has_the_figures_of_the_json(counted):
    experiment, report = counted
    notebook = notebook_report(content_of(experiment, "ipynb"))
    for arm, ours in zip(report["arms"], notebook["arms"], strict=True):
        assert ours == {name: arm[name] for name in ours}
    assert notebook["split"]["p_value"] == report["srm"]["p_value"]
    assert notebook["omnibus"] == report["omnibus"]
    assert notebook["chance_of_best"] == [one["chance_of_best"] for one in report["beliefs"]]
    for row, ours in zip(report["comparisons"], notebook["reported"], strict=True):
        for name in ("fixed", "unadjusted"):
            assert ours[name] == row[name]
        assert ours["decisive"] == {name: row[name] for name in ours["decisive"]}
        assert (ours["anytime"] is not None) == (row["valid"] == "at every look")
        assert ours["proven"] == row["proven"]
    sums = notebook["totals"]
    top, bottom = (
        ("numerator_sum", "denominator_sum") if notebook["kind"] == "ratio" else ("sum", "n")
    )
    assert [a / b for a, b in zip(sums[top], sums[bottom], strict=True)] == pytest.approx(
        [arm["rate"] for arm in report["arms"]]
    )


def test_pdf_has_the_figures_of_the_json(counted):
    experiment, report = counted
    full = concluded(experiment)
    content = pdf_content(full)
    rates, compared = (table["rows"] for table in content["tables"][:2])
    for arm, row in zip(report["arms"], rates, strict=True):
        assert row[1:4] == [count(arm[name]) for name in ("visitors", "clicks", "conversions")]
        assert row[4] == rate_in_words(experiment, arm["rate"])
    for one, row in zip(report["comparisons"], compared, strict=True):
        interval = one["lift_interval"]
        assert row[1:] == [
            signed_percent(one["lift"], 3), signed_interval(interval),
            p_value(one["p_value_adjusted"]),
        ]  # fmt: skip


def rate_in_words(experiment, rate):
    return percent(rate, 3) if "rate" in experiment.primary_metric else decimal(rate, 4)


def test_page_has_the_figures_of_the_json(counted, admin_client):
    experiment, report = counted
    with time_machine.travel(NOW, tick=False):
        url = reverse("admin:experiments_experiment_report", args=[experiment.pk])
        page = unescape(admin_client.get(url).content.decode())
    told = []
    for arm in report["arms"]:
        told += [count(arm[name]) for name in ("visitors", "clicks")]
        told += [count(arm["conversions"])] if experiment.goal else []
        shown = ALL_OF.get(experiment.primary_metric)
        told += [count(arm[shown])] if shown else []
        told.append(rate_in_words(experiment, arm["rate"]))
        told += [percent_interval(arm["interval"])] if arm["interval"] else []
    for row in report["comparisons"]:
        for reading in (row, row["fixed"], row["unadjusted"]):
            if reading is None:
                continue
            told += [signed_percent(reading["lift"]), signed_interval(reading["lift_interval"])]
            told += [p_value(reading[name]) for name in ("p_value", "p_value_adjusted")]
    featured = max(report["comparisons"], key=lambda row: row["lift"])
    for gain in ("per_thousand", "per_month"):
        told.append(decimal(featured["gains"][gain]["amount"], 4))
        told += [decimal(end, 4) for end in featured["gains"][gain]["interval"]]
    told += [
        percent(belief["chance_of_best"], 1)
        for belief in report["beliefs"]
        if belief["chance_of_best"] is not None
    ]
    assert [text for text in dict.fromkeys(told) if text not in page] == []
