import io
import tempfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import Workbook

DAYS = (
    "Jour;Bras;Visiteurs;Clics\n"
    "20/11/2026;A;6 000;300\n20/11/2026;B;6 000;340\n"
    "21/11/2026;A;4 000;200\n21/11/2026;B;4 000;240\n"
)
OPTIONS = {"method": "fixed", "correction": "holm", "alpha": "0.05"}
URL = "calculator-table"


def post(client, language="en", **values):
    answer = client.post(reverse(URL), OPTIONS | values, headers={"accept-language": language})
    assert answer.status_code == 200
    return answer


def page_of(client, **values):
    return post(client, **values).content.decode()


def csv_file(text, encoding="cp1252"):
    return SimpleUploadedFile("jours.csv", text.encode(encoding))


def test_page_opens_empty_and_is_linked(admin_client):
    page = admin_client.get(reverse("calculator-significance")).content.decode()
    assert f'href="{reverse(URL)}"' in page
    assert "Choose a file" not in admin_client.get(reverse(URL)).content.decode()


def test_page_is_for_staff(client, stranger):
    client.force_login(stranger)
    assert client.post(reverse(URL), OPTIONS).status_code == 302


def test_file_is_analysed_and_said_how_it_was_read(admin_client):
    page = page_of(admin_client, file=csv_file(DAYS))
    # 500 of 10,000 against 580: as in the significance calculator.
    assert "+16.0%" in page
    assert "0.0123" in page
    for said in (
        "4 rows, 20,000 visitors",
        "Control: A",
        "Encoding: utf-8",
        "Separator of columns: semicolon",
        "2 days, from 2026-11-20 to 2026-11-21 (day first)",
    ):
        assert said in page


def test_page_is_in_french(admin_client):
    page = post(admin_client, language="fr", file=csv_file(DAYS)).content.decode()
    for said in ("Séparateur des colonnes\u00a0: point-virgule", "Témoin\u00a0: A", "+16,0"):
        assert said in page


def test_nothing_is_left_on_the_disk(admin_client, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    page_of(admin_client, file=csv_file(DAYS))
    assert list(tmp_path.iterdir()) == []


def test_columns_are_changed_without_the_file(admin_client):
    """The text of the table comes back with the page, and with it other columns."""
    text = "variant,page,users,clicks,orders\n" + "".join(
        f"{arm},{page},500,{clicks},{clicks // 2}\n"
        for arm, page, clicks in [("x", "home", 50), ("y", "shop", 70)]
    )
    first = post(admin_client, file=csv_file(text)).context
    initial = first["columns_form"].initial
    assert (initial["arm"], initial["metrics"]) == ("variant", ("clicks", "orders"))
    chosen = {
        "columns-arm": "page",
        "columns-visitors": "users",
        "columns-metrics": ["orders"],
        "columns-header": initial["header"],
    }
    answer = post(admin_client, text=first["form"].data["text"], **chosen).context["answer"]
    (metric,) = answer["metrics"]
    assert metric["metric"] == "orders"
    assert [arm["name"] for arm in metric["arms"]] == ["home", "shop"]


def test_columns_of_another_table_are_guessed_anew(admin_client):
    chosen = {"columns-arm": "page", "columns-header": "another"}
    answer = post(admin_client, text=DAYS, **chosen).context["answer"]
    assert answer["read_as"]["columns"]["arm"] == "Bras"


def test_values_are_compared_by_their_means(admin_client):
    text = "arm\tCA\n" + "".join(f"{arm}\t{at},50\n" for at in range(40) for arm in "AB")
    page = post(admin_client, language="fr", text=text).content.decode()
    assert "Moyenne" in page
    assert "20,000" in page  # (0.5 + ... + 39.5) / 40


def test_workbook_is_read_with_its_typed_numbers(admin_client):
    book = Workbook()
    for row in [("arm", "revenue"), ("A", 1.234), ("A", 2.5), ("B", 3.5), ("B", 1.25)]:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    first = post(admin_client, file=SimpleUploadedFile("t.xlsx", file.getvalue())).context
    again = post(
        admin_client, text=first["form"].data["text"], decimal=first["form"].data["decimal"]
    ).context
    sums = [arm["sum"] for arm in first["answer"]["metrics"][0]["arms"]]
    assert sums == pytest.approx([3.734, 4.75])
    assert again["answer"]["metrics"][0]["arms"] == first["answer"]["metrics"][0]["arms"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "Choose a file or paste a table."),
        ({"text": "arm\nA\nB"}, "Choose at least one column to compare."),
        ({"text": "x;y\n1;2"}, "There is no column “arm”."),
        (
            {"text": "arm;visitors;clicks\nA;10;11\nB;10;1"},
            "Line 2: clicks: 11 is more than the visitors of the row.",
        ),
        ({"text": "arm;visitors;clicks\nA;10;1\nB;10;zwei"}, "Line 3: clicks: “zwei” is not"),
        ({"text": DAYS, "control": "C"}, "No arm is called “C”."),
        ({"file": SimpleUploadedFile("t.zip", b"PK\x03\x04no")}, "neither a CSV nor an XLSX"),
        ({"file": SimpleUploadedFile("t.csv", b"\n \n")}, "The file is empty"),
    ],
    ids=["nothing", "one column", "no arms", "clicks", "words", "control", "zip", "empty"],
)
def test_fault_is_named(admin_client, values, message):
    assert message in page_of(admin_client, **values)


def test_formula_and_markup_in_a_table_are_text(admin_client):
    text = "arm;visitors;clicks\n<b>A</b>;100;5\n=1+1;100;9\n"
    page = page_of(admin_client, text=text)
    assert "&lt;b&gt;A&lt;/b&gt;" in page
    assert "<b>A</b>" not in page.replace("&lt;b&gt;", "")
