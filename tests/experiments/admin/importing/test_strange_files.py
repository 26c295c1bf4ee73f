"""Files that are no good table, on each page that takes files: a sentence, and nothing stored."""

import io
import zipfile
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import Workbook

from experiments.models import HistoryArm

IMPORT, TABLE = "admin:experiments_upload_past_tests", "calculator-table"
COLUMNS = {IMPORT: ["test", "text", "visitors", "clicks"], TABLE: ["arm", "visitors", "clicks"]}
ROWS = {
    IMPORT: [["t1", "Start", 1000, 50], ["t1", "Begin", 1000, 60]],
    TABLE: [["A", 1000, 50], ["B", 1000, 60]],
}


@pytest.fixture(autouse=True)
def upload_folder(settings, tmp_path):
    """A folder of uploads of the test's own."""
    settings.CTAOPT_UPLOAD_DIR = tmp_path / "uploads"


@pytest.fixture
def send(admin_client, site):
    """Upload a file to a page; return the text of the page that follows."""

    def _send(page, content, language="en", name="file.xlsx"):
        values = {"site": site.pk, "format": "ctaopt", "encoding": "", "file": None}
        if page == TABLE:
            values = {"method": "fixed", "correction": "holm", "alpha": "0.05"}
        values["file"] = SimpleUploadedFile(name, content)
        headers = {"accept-language": language}
        answer = admin_client.post(reverse(page), values, follow=True, headers=headers)
        assert answer.status_code == 200
        assert not HistoryArm.objects.exists()
        return unescape(answer.content.decode())

    return _send


def written(page, *, rows=None, before=()):
    """Return a workbook with the rows that a page takes."""
    book = Workbook()
    for row in (*before, COLUMNS[page], *(rows or ROWS[page])):
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def packed(content=b"", **parts):
    """Return an archive with further parts."""
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(f"xl/{name.replace('__', '/')}", part)
    return file.getvalue()


def bomb(page):
    return packed(written(page), **{"worksheets__sheet9.xml": bytes(160_000_000)})


def never_computed(page):
    first, second = ROWS[page]
    return written(page, rows=[first, [*second[:-1], "=30*2"]])


def old(page):
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


def cut(page):
    return written(page)[:-200]


SENTENCES = {
    bomb: ("The workbook is too large once it is unpacked.", "Le classeur est trop"),
    never_computed: ("formulas that were never computed", "jamais été calculées"),
    old: ("neither a CSV nor an XLSX file", "ni un CSV ni un XLSX"),
    cut: ("neither a CSV nor an XLSX file", "ni un CSV ni un XLSX"),
}


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("kind", SENTENCES, ids=lambda one: one.__name__)
@pytest.mark.parametrize("page", COLUMNS)
def test_file_that_is_no_table_is_refused_in_a_sentence(send, page, kind, language):
    sentence = SENTENCES[kind][["en", "fr"].index(language)]
    assert sentence in send(page, kind(page), language)


@pytest.mark.parametrize("page", COLUMNS)
def test_macros_and_links_of_a_workbook_are_left_out_and_said(send, page):
    parts = {"vbaProject.bin": b"x", "externalLinks__externalLink1.xml": b"<x/>"}
    shown = send(page, packed(written(page), **parts), name="file.xlsm")
    assert "The workbook has macros: they are not run" in shown
    assert "The workbook has links to other files: they are not followed" in shown
    assert "2,000" in shown or "1,000" in shown


@pytest.mark.parametrize("page", COLUMNS)
def test_column_that_is_there_twice_is_named(send, page):
    header = ",".join([*COLUMNS[page], "clicks"])
    lines = [",".join(map(str, [*row, 7])) for row in ROWS[page]]
    shown = send(page, "\n".join([header, *lines]).encode(), name="file.csv")
    assert {IMPORT: "Several columns are called clicks: choose one", TABLE: "is there twice"}[
        page
    ] in shown


@pytest.mark.parametrize("page", COLUMNS)
def test_row_of_totals_is_named(send, page):
    total = {IMPORT: ["Total général", "", 2000, 110], TABLE: ["Total général", 2000, 110]}[page]
    assert "row of totals" in send(page, written(page, rows=[*ROWS[page], total]))


@pytest.mark.parametrize("page", COLUMNS)
def test_table_of_one_column_is_refused(send, page):
    shown = send(page, b"A\nB\nC\n", name="file.csv")
    assert {IMPORT: "Choose the column of:", TABLE: "There is no column “arm”."}[page] in shown
