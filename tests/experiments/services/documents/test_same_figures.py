"""Page, JSON, CSV, XLSX, PDF and notebook carry the same figures, whatever the metric."""

import csv
import io
import json

import pytest
from openpyxl import load_workbook

from experiments.admin.reporting.report import report_context
from experiments.formatting import p_value, signed_percent
from experiments.selectors import reports
from experiments.services.documents.pdf import pdf_content
from experiments.services.documents.report_files import report_file
from tests.experiments.services.counted_experiments import concluded
from tests.experiments.services.documents.counted_metrics import KINDS, make_counted
from tests.factories import NOW


def content_of(experiment, file_format):
    row = reports.experiments_for_report().get(pk=experiment.pk)
    return report_file(experiment=row, now=NOW, file_format=file_format).content


def notebook_report(content):
    (cell,) = [
        cell for cell in json.loads(content)["cells"] if cell["source"].startswith("report = ")
    ]
    names = {"json": json}
    exec(cell["source"], names)  # noqa: S102
    return names["report"]


@pytest.mark.parametrize("kind", KINDS)
def test_all_formats_carry_the_same_figures(slot, kind):
    experiment = make_counted(slot, kind)
    report = json.loads(content_of(experiment, "json"))
    lifts = [row["lift"] for row in report["comparisons"]]
    p_values = [row["p_value_adjusted"] for row in report["comparisons"]]
    visitors = [arm["visitors"] for arm in report["arms"]]
    assert len([lift for lift in lifts if lift is not None]) == 2

    text = io.StringIO(content_of(experiment, "csv").decode("utf-8-sig"), newline="")
    rows = list(csv.DictReader(text))
    assert [int(row["Visitors"]) for row in rows] == visitors
    assert [float(row["Lift"]) for row in rows[1:]] == lifts
    assert [float(row["Adjusted p-value"]) for row in rows[1:]] == p_values

    titles, *cells = load_workbook(io.BytesIO(content_of(experiment, "xlsx")))["Arms"].values
    sheet = [dict(zip(titles, row, strict=True)) for row in cells]
    assert [row["Lift"] for row in sheet[1:]] == pytest.approx(lifts)
    assert [row["Visitors"] for row in sheet] == visitors

    notebook = notebook_report(content_of(experiment, "ipynb"))
    assert [row["decisive_p_value_adjusted"] for row in notebook["reported"]] == p_values
    assert [arm["visitors"] for arm in notebook["arms"]] == visitors

    full = concluded(experiment)
    set_rows = next(
        table["rows"] for table in pdf_content(full)["tables"] if len(table["head"]) == 4
    )
    assert [row[1] for row in set_rows] == [signed_percent(lift, 3) for lift in lifts]
    assert [row[3] for row in set_rows] == [p_value(p) for p in p_values]

    shown = report_context(full, {})
    assert [one.decisive.comparison.lift for one in shown["report"].comparisons] == lifts
