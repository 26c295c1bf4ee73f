import csv
import io
import json
from datetime import timedelta

import pytest
from openpyxl import load_workbook

from experiments.models import CTAWording
from experiments.selectors import reports
from experiments.services.documents.report_files import NoSuchTableError, report_file
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.factories import NOW


@pytest.fixture
def experiment(running_experiment):
    count(running_experiment, (4_000, 400), (4_000, 520))
    return running_experiment


def file_of(experiment, file_format, **options):
    row = reports.experiments_for_report().get(pk=experiment.pk)
    return report_file(experiment=row, now=NOW, file_format=file_format, **options)


def records(content, delimiter=","):
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    return list(csv.DictReader(text, delimiter=delimiter))


def test_all_formats_have_the_same_lift(experiment):
    lift = json.loads(file_of(experiment, "json").content)["comparisons"][0]["lift"]
    english = records(file_of(experiment, "csv").content)[1]
    french = records(file_of(experiment, "csv", language="fr").content, ";")[1]
    book = load_workbook(io.BytesIO(file_of(experiment, "xlsx").content))
    titles, _, arm = book["Arms"].iter_rows(values_only=True)
    assert float(english["Lift"]) == lift == dict(zip(titles, arm, strict=True))["Lift"]
    assert float(french["Gain relatif"].replace(",", ".")) == lift
    assert "," in french["Gain relatif"]


def test_workbook_leaves_out_tables_without_rows(experiment):
    book = load_workbook(io.BytesIO(file_of(experiment, "xlsx").content))
    assert book.sheetnames == ["Arms", "Experiment", "Days", "Phases", "Readings"]


def test_csv_has_the_table_that_is_asked_for(experiment):
    file = file_of(experiment, "csv", table="days")
    assert file.name == "hero-test-days.csv"
    assert [row["Visitors"] for row in records(file.content)] == ["4000", "4000"]
    # Known, but there are none: headings only.
    assert records(file_of(experiment, "csv", table="guardrails").content) == []


def test_unknown_table_is_refused_by_name(experiment):
    with pytest.raises(NoSuchTableError, match=r"must be one of arms.*not 'weather'"):
        file_of(experiment, "csv", table="weather")


def test_wording_is_no_formula(experiment):
    arm = experiment.variants.get(key="b")
    CTAWording.objects.filter(cta=arm.cta).update(text='=HYPERLINK("http://x")')
    assert records(file_of(experiment, "csv").content)[1]["Wording"].startswith("'=")
    book = load_workbook(io.BytesIO(file_of(experiment, "xlsx").content))
    cell = book["Arms"]["B3"]
    assert (cell.data_type, cell.value) == ("s", '=HYPERLINK("http://x")')


def test_chosen_view_is_the_same_in_every_format(experiment):
    view = {"arm": "control", "against": "b", "reading": "fixed"}
    found = json.loads(file_of(experiment, "json", view=view).content)["view"]
    assert found["fixed"]["lift"] == pytest.approx(400 / 520 - 1)
    (row,) = records(file_of(experiment, "csv", table="view", view=view).content)
    assert float(row["Lift"]) == found["fixed"]["lift"]
    assert (row["Arm"], row["Against"], row["Visitors"]) == ("control", "b", "4000")
    sheet = load_workbook(io.BytesIO(file_of(experiment, "xlsx", view=view).content))
    titles, cells = sheet["Chosen view"].values
    assert dict(zip(titles, cells, strict=True))["Lift"] == pytest.approx(found["fixed"]["lift"])


def test_view_of_a_csv_without_choices_is_that_of_the_report(experiment):
    rows = records(file_of(experiment, "csv", table="view").content)
    assert [row["Valid"] for row in rows] == ["at every look", "at one planned look"]
    assert {row["Arm"] for row in rows} == {"b"}


def test_view_of_a_draft_has_headings_only(draft):
    assert records(file_of(draft, "csv", table="view").content) == []


def test_notebook_holds_the_chosen_view(experiment):
    found = file_of(experiment, "ipynb", view={"arm": "control", "against": "b"}).content
    assert b"## The chosen view" in found
    assert b"## The chosen view" not in file_of(experiment, "ipynb").content


LONG, ARABIC = "Get your <b>free</b> quote & more " * 10, "ابدأ الآن"


@pytest.mark.parametrize("file_format", ["json", "csv", "xlsx", "pdf", "ipynb"])
@pytest.mark.parametrize(
    ("n_arms", "n_days", "visitors"),
    [(2, 1, 0), (1, 1, 500), (20, 1, 500), (2, 400, 50)],
    ids=["no visitors", "one arm", "twenty arms", "400 days"],
)
def test_every_format_holds_a_report_of_any_shape(slot, file_format, n_arms, n_days, visitors):
    shares = {f"arm-{number}": str(round(1 / n_arms, 4)) for number in range(n_arms)}
    started = NOW - timedelta(days=n_days)
    odd = factories.make_running_experiment(slot, "odd", shares=shares, started_at=started)
    for variant in odd.variants.all():
        text = (LONG[:300], ARABIC)[variant.arm % 2]
        CTAWording.objects.filter(cta=variant.cta).update(text=text)
        for day in range(n_days if visitors else 0):
            at = (NOW - timedelta(days=day + 1)).date()
            factories.make_rollup(variant, visitors=visitors, clicks=5 + variant.arm, day=at)
    content = file_of(odd, file_format, language="fr").content
    assert len(content) > 200
    if file_format == "json":
        texts = {arm["text"] for arm in json.loads(content)["arms"]}
        assert texts == set((LONG[:300], ARABIC)[:n_arms])
