import io

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from tests.experiments.services.counted_experiments import count

REPORT = "/api/v1/experiments/hero-test/report/"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def server(client, server_key, running_experiment):
    """A program of the shop, whose experiment has counts."""
    count(running_experiment, (4_000, 400), (4_000, 520))
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {server_key}"
    return client


def test_report_as_csv(server):
    answer = server.get(f"{REPORT}?format=csv")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="hero-test.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbfArm,Wording,Share,Visitors,Clicks,")


def test_report_as_csv_for_a_french_spreadsheet(server):
    lines = server.get(f"{REPORT}?format=csv&language=fr").content.decode("utf-8-sig")
    arm = lines.splitlines()[2].split(";")
    assert arm[:6] == ["b", "hero-test b", "0,5", "4000", "520", "0"]


def test_report_as_workbook_by_header(server):
    answer = server.get(REPORT, headers={"accept": XLSX})
    assert answer.headers["Content-Type"] == XLSX
    assert load_workbook(io.BytesIO(answer.content))["Arms"]["D2"].value == 4_000


def test_report_is_json_unless_asked(server):
    for accept in ("*/*", "application/json"):
        answer = server.get(REPORT, headers={"accept": accept})
        assert answer.json()["experiment"] == "hero-test"


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("format=csv&table=weather", 400, "table"),
        ("format=xlsx&language=xx", 400, "language"),
        ("format=docx", 404, None),
    ],
)
def test_what_does_not_exist_is_refused_in_json(server, query, status, field):
    answer = server.get(f"{REPORT}?{query}")
    assert (answer.status_code, answer.json().get("field")) == (status, field)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_choices_add_a_view_beside_the_report(server):
    plain = server.get(REPORT).json()
    body = server.get(f"{REPORT}?arm=control&against=b&reading=fixed").json()
    view = body.pop("view")
    assert (view["arm"], view["against"], view["metric"]) == ("control", "b", "click_rate")
    assert view["fixed"]["effect"] == pytest.approx((400 - 520) / 4_000)
    assert view["sequential"] is None
    assert (view["decides"], view["is_one_look_chosen_after_the_fact"]) == (False, False)
    # The decisive reading stays what it is.
    assert (body["comparisons"], body["verdict"]) == (plain["comparisons"], plain["verdict"])
    assert "view" not in plain


@pytest.mark.parametrize("file_format", ["json", "csv", "pdf"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("arm=z", "arm"),
        ("segment=device%3Dtoaster", "segment"),
        ("from=1&reading=x", "from"),
        ("first=2026-11-20", "first"),
    ],
)
def test_view_that_makes_no_sense_is_refused_by_field(server, file_format, query, field):
    answer = server.get(f"{REPORT}?format={file_format}&{query}")
    assert answer.status_code == 400
    assert field in answer.json()["errors"]


def test_unknown_experiment_is_refused_in_json_whatever_was_asked(server):
    answer = server.get("/api/v1/experiments/nowhere/report/?format=csv")
    assert (answer.status_code, answer.json()["status"]) == (404, 404)


def test_report_page_has_buttons_for_a_spreadsheet(admin_client, running_experiment):
    count(running_experiment, (4_000, 400), (4_000, 520))
    url = reverse("admin:experiments_experiment_report", args=[running_experiment.pk])
    page = admin_client.get(url, headers={"accept-language": "fr"}).content.decode()
    for file_format in ("csv", "xlsx"):
        address = f"{REPORT}?format={file_format}&amp;language=fr"
        assert f'href="{address}"' in page
        assert admin_client.get(address.replace("&amp;", "&")).status_code == 200
