"""Files as spreadsheets, databases and people write them: right values, or a refusal by name."""

import gzip
from datetime import date

import pytest
from openpyxl import Workbook

from ml.history.reading import HistoryFileError, read_history

HEADER = ("test", "text", "visitors", "clicks", "ended_on")
LINES = (
    ("t1", "Découvrir", "12800", "640", "2026-11-28"),
    ("t1", "Découvrir l'offre", "12900", "710", "2026-11-28"),
)
RIGHT = [("Découvrir", 12_800, 640), ("Découvrir l'offre", 12_900, 710)]
DAY = date(2026, 11, 28)


def lines(*, mark=",", end="\r\n", header=HEADER, rows=LINES, before="", after=""):
    table = [mark.join(cells) for cells in (header, *rows)]
    return before + end.join(table) + end + after


def with_numbers(*numbers, mark=";"):
    """Return a file whose four counts are written as given."""
    rows = [
        ("t1", "Découvrir", numbers[0], numbers[1], "2026-11-28"),
        ("t1", "Découvrir l'offre", numbers[2], numbers[3], "2026-11-28"),
    ]
    quoted = [tuple(f'"{cell}"' for cell in row) for row in rows]
    return lines(mark=mark, rows=quoted)


def with_days(first, second):
    return lines(mark=";", rows=[(*LINES[0][:4], first), (*LINES[1][:4], second)])


TAKEN = {
    "Excel, English, CSV UTF-8": lines().encode("utf-8-sig"),
    "Excel, English, CSV": lines().encode("cp1252"),
    "Excel, French, CSV": lines(mark=";").encode("cp1252"),
    "Excel, French, CSV UTF-8": lines(mark=";").encode("utf-8-sig"),
    "Excel, Unicode text": lines(mark="\t").encode("utf-16"),
    "Excel, Macintosh": lines(mark=";", end="\r").encode("mac_roman"),
    "Excel, MS-DOS": lines(mark=";").encode("cp850"),
    "LibreOffice, UTF-8": lines(end="\n").encode(),
    "LibreOffice, UTF-16 without a mark": lines(end="\n").encode("utf-16-le"),
    "Google Sheets, TSV": lines(mark="\t").encode(),
    "database, bars": lines(mark="|", end="\n").encode(),
    "gzipped": gzip.compress(lines(mark=";").encode("cp1252")),
    "sep= line": lines(mark=";", before="sep=;\r\n").encode("cp1252"),
    "sep= line, quoted": lines(before='"sep=,"\r\n').encode(),
    "comments first": lines(before="# Export\r\n# 28/11/2026\r\n\r\n").encode(),
    "title first": lines(before="Tests, automne\r\n\r\n").encode(),
    "empty lines between": lines(end="\r\n\r\n").encode(),
    "rows of delimiters at the end": lines(mark=";", after=";;;;\r\n;;;;\r\n").encode(),
    "delimiters at the end of rows": lines(
        mark=";", rows=[(*row, "", "") for row in LINES]
    ).encode(),
    "every cell quoted": with_numbers("12800", "640", "12900", "710", mark=",").encode(),
    "thousands by narrow spaces": with_numbers("12\u202f800", "640", "12\u202f900", "710").encode(),
    "thousands by no-break spaces": with_numbers("12\u00a0800", "640", "12\u00a0900", "710").encode(
        "cp1252"
    ),
    "thousands by plain spaces": with_numbers("12 800", "640", "12 900", "710").encode(),
    "thousands by thin spaces": with_numbers("12\u2009800", "640", "12\u2009900", "710").encode(),
    "thousands by apostrophes": with_numbers("12'800", "640", "12\u2019900", "710").encode(),
    "thousands by dots": with_numbers("12.800", "640", "12.901", "710").encode(),
    "thousands by commas": with_numbers("12,800", "640", "12,901", "710", mark=",").encode(),
    "decimals of counts": with_numbers("12800,0", "640,0", "12900,0", "710,0").encode(),
    "decimals of counts, two": with_numbers("12800.00", "640.00", "12900.00", "710.00").encode(),
    "days first": with_days("28/11/2026", "28/11/2026").encode(),
    "days first, dots": with_days("28.11.2026", "28.11.2026").encode(),
    "days first, two digits": with_days("28/11/26", "28/11/26").encode(),
    "days first, time": with_days("28/11/2026 09:30", "28/11/2026 09:30:00").encode(),
    "months first": with_days("11/28/2026", "11/28/2026").encode(),
    "months by name": with_days("28 nov. 2026", "28 novembre 2026").encode(),
    "ISO with time": with_days("2026-11-28T09:30:00Z", "2026-11-28 09:30:00").encode(),
    "French names of columns": lines(
        mark=";", header=("Expérience", "Libellé", "Visiteurs", "Clics", "Terminé le")
    ).encode("cp1252"),
    "columns in another order": b"clicks,text,test,ended_on,visitors\n"
    + "640,Découvrir,t1,2026-11-28,12800\n710,Découvrir l'offre,t1,2026-11-28,12900\n".encode(),
    "columns that nobody asked for": lines(
        mark=";", header=(*HEADER, "note", "note"), rows=[(*row, "a", "b") for row in LINES]
    ).encode(),
}
# Thousands written as 12.901 show that dots group; 12.900 alone would not.
LAST_COUNT = {"thousands by dots": 12_901, "thousands by commas": 12_901}


@pytest.mark.parametrize("kind", TAKEN)
def test_file_is_taken_with_its_right_values(tmp_path, kind):
    path = tmp_path / "past.csv"
    path.write_bytes(TAKEN[kind])
    history = read_history(path, "ctaopt")
    last = LAST_COUNT.get(kind, 12_900)
    expected = [RIGHT[0], (RIGHT[1][0], last, RIGHT[1][2])]
    assert [(row.text, row.visitors, row.clicks) for row in history.rows] == expected
    assert [row.ended_on for row in history.rows] == [DAY, DAY]
    assert (history.skipped, history.ignored) == ((), ())


def _book(*rows):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    return book


WORKBOOKS = {
    "typed cells": _book(
        HEADER,
        ("t1", "Découvrir", 12800, 640, DAY),
        ("t1", "Découvrir l'offre", 12900, 710, DAY),
    ),
    "cells of text": _book(
        HEADER,
        ("t1", "Découvrir", "12 800", "640", "28/11/2026"),
        ("t1", "Découvrir l'offre", "12\u202f900", "710", "28/11/2026"),
    ),
    "title and empty rows": _book(
        ("Tests de l'automne",),
        (),
        HEADER,
        ("t1", "Découvrir", 12800.0, 640, DAY),
        (),
        ("t1", "Découvrir l'offre", 12900, 710, DAY),
    ),
}


@pytest.mark.parametrize("kind", WORKBOOKS)
def test_workbook_is_taken_with_its_right_values(tmp_path, kind):
    path = tmp_path / "past.xlsx"
    WORKBOOKS[kind].save(path)
    history = read_history(path, "ctaopt")
    assert [(row.text, row.visitors, row.clicks) for row in history.rows] == RIGHT
    assert [row.ended_on for row in history.rows] == [DAY, DAY]
    assert (history.skipped, history.ignored) == ((), ())


# What a file holds in its first row, the reason for which it is refused, and the column.
REFUSED_COUNTS = {
    "two readings": (("12.000", "1.000", "13.000", "1.000"), "ambiguous_count", "visitors"),
    "two readings, commas": (("12,000", "640", "13,000", "710"), "ambiguous_count", "visitors"),
    "fraction": (("12800,5", "640", "12900", "710"), "not_a_count", "visitors"),
    "per cent": (("12800", "5 %", "12900", "5,5 %"), "not_a_count", "clicks"),
    "rounded by a spreadsheet": (("1,28E+04", "640", "12900", "710"), "not_a_count", "visitors"),
    "error of a sheet": (("#N/A", "640", "12900", "710"), "not_a_count", "visitors"),
    "spaces in wrong places": (("12 80", "640", "12900", "710"), "not_a_count", "visitors"),
    "negative": (("12800", "-640", "12900", "710"), "negative", "clicks"),
    "more clicks": (("640", "12800", "12900", "710"), "clicks_exceed_visitors", "clicks"),
    "empty": (("", "640", "12900", "710"), "empty", "visitors"),
}


@pytest.mark.parametrize("kind", REFUSED_COUNTS)
def test_count_that_is_not_clear_is_refused_with_its_line(tmp_path, kind):
    numbers, problem, column = REFUSED_COUNTS[kind]
    path = tmp_path / "past.csv"
    path.write_text(with_numbers(*numbers))
    first = read_history(path, "ctaopt").skipped[0]
    assert (first.line, first.problem, first.field) == (2, problem, column)


@pytest.mark.parametrize("text", ["03/04/2026", "31/02/2026", "soon", "45989"])
def test_day_that_is_not_clear_is_left_out_and_its_row_is_taken(tmp_path, text):
    path = tmp_path / "past.csv"
    path.write_text(with_days(text, "2026-11-28"))
    history = read_history(path, "ctaopt")
    assert [row.ended_on for row in history.rows] == [None, DAY]
    assert [(note.line, note.field, note.value) for note in history.ignored] == [
        (2, "ended_on", text)
    ]


def test_rows_that_the_columns_explain_are_taken_beside_one_that_is_refused(tmp_path):
    path = tmp_path / "past.csv"
    path.write_text(with_numbers("12.000", "1.000", "13.456", "many"))
    history = read_history(path, "ctaopt")
    assert [(row.visitors, row.clicks) for row in history.rows] == [(12_000, 1_000)]
    assert [skip.line for skip in history.skipped] == [3]


@pytest.mark.parametrize(
    ("row", "problem", "field"),
    [
        (("Total général", "", "25700", "1350", ""), "total_row", "test"),
        (("t1", "Total", "25700", "1350", ""), "total_row", "text"),
        (("1,2E+17", "Découvrir", "12800", "640", ""), "rounded_id", "test"),
    ],
)
def test_row_that_is_no_arm_is_left_out_and_named(tmp_path, row, problem, field):
    path = tmp_path / "past.csv"
    path.write_text(lines(mark=";", rows=[*LINES, row, ("t1", "Ensemble", "9", "1", "")]))
    history = read_history(path, "ctaopt")
    assert [one.text for one in history.rows] == ["Découvrir", "Découvrir l'offre", "Ensemble"]
    assert [(skip.line, skip.problem, skip.field) for skip in history.skipped] == [
        (4, problem, field)
    ]


def test_header_in_the_middle_is_no_row(tmp_path):
    path = tmp_path / "past.csv"
    path.write_text(lines() + lines())
    history = read_history(path, "ctaopt")
    assert len(history.rows) == 4
    assert [(skip.line, skip.problem) for skip in history.skipped] == [(4, "repeated_header")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lines(header=(*HEADER[:4], "clicks")), "column twice: clicks"),
        ("text\nDécouvrir\nDécouvrir l'offre\n", "missing column: test or test_id"),
        (lines(rows=[], header=HEADER[:3]), "missing column: clicks or clics"),
        ("", "the file is empty or has no header line"),
    ],
    ids=["column twice", "one column", "no clicks", "empty"],
)
def test_file_without_the_needed_columns_is_refused(tmp_path, content, message):
    path = tmp_path / "past.csv"
    path.write_text(content)
    with pytest.raises(HistoryFileError, match=message):
        read_history(path, "ctaopt")
