import gzip
import tracemalloc
from datetime import date

import pytest

from ml.history import reading
from ml.history.reading import HistoryFile, HistoryFileError, iter_history, read_history
from ml.history.row import HistoryRow
from tables.source import Limits

HEADER = "test,context,text,visitors,clicks"
OFFICIAL_HEADER = (
    ",created_at,updated_at,clickability_test_id,excerpt,headline,lede,slug,eyecatcher_id,"
    "impressions,clicks,significance,first_place,winner,share_text,square,test_week"
)


@pytest.fixture
def write(tmp_path):
    def _write(*lines, name="past.csv"):
        path = tmp_path / name
        data = "\n".join(lines).encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return _write


def test_ctaopt_file_gives_its_rows(write):
    path = write(
        HEADER + ",audience,locale,form,placement,ended_on,group,suspect",
        't1,hero,"Découvrir, enfin",1000,50,fr-mobile,fr,button,footer,2026-05-01,g1,1',
    )
    assert read_history(path, "ctaopt").rows == (
        HistoryRow(
            test="t1",
            context="hero",
            text="Découvrir, enfin",
            visitors=1000,
            clicks=50,
            audience="fr-mobile",
            locale="fr",
            form="button",
            placement="footer",
            ended_on=date(2026, 5, 1),
            group="g1",
            suspect=True,
        ),
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_delimiter_is_taken_from_the_header(write, delimiter):
    path = write(HEADER.replace(",", delimiter), delimiter.join(["t", "", "Go", "9", "1"]))
    assert read_history(path, "ctaopt").rows[0].visitors == 9


def test_byte_order_mark_and_column_order_do_not_matter(write):
    path = write("\ufeffclicks,text,test,visitors,context", "1,Go,t,9,c")
    assert read_history(path, "ctaopt").rows[0].context == "c"


def test_official_archive_columns_are_understood(write):
    line = (
        "0,2014-11-20 06:43:16.005,2016-04-02 16:33:38.062,t9,Things,They Said No,<p>So,slug,"
        "img7,3052,150,100.0,True,True,,,201446"
    )
    (row,) = read_history(write(OFFICIAL_HEADER, line), "upworthy").rows
    assert (row.test, row.text, row.visitors, row.clicks) == ("t9", "They Said No", 3052, 150)
    assert (row.group, row.ended_on, row.locale) == ("image:img7", date(2014, 11, 20), "en")
    assert not row.suspect


@pytest.mark.parametrize("column", ["problem", "suspect_randomization"])
def test_suspect_rows_are_flagged_under_either_name(write, column):
    header = "test_id,image_id,excerpt,lede,headline,impressions,clicks," + column
    history = read_history(write(header, "t,i,e,l,A,9,1,1", "t,i,e,l,B,9,1,False"), "upworthy")
    assert [row.suspect for row in history.rows] == [True, False]


def test_excerpt_and_lede_separate_the_contexts(write):
    header = "test_id,image_id,excerpt,lede,headline,impressions,clicks"
    path = write(header, "t,i,e,l,A,9,1", "t,i,e,l,B,9,1", "t,i,el,,C,9,1", "t,j,e,l,D,9,1")
    contexts = [row.context for row in read_history(path, "upworthy").rows]
    assert contexts[0] == contexts[1]
    assert len(set(contexts)) == 3


@pytest.mark.parametrize(
    ("line", "problem", "field"),
    [
        ("t,,Go,-5,1", "negative", "visitors"),
        ("t,,Go,9,-1", "negative", "clicks"),
        ("t,,Go,9,10", "clicks_exceed_visitors", "clicks"),
        ("t,,Go,nine,1", "not_a_count", "visitors"),
        ("t,,Go,9.5,1", "not_a_count", "visitors"),
        ("t,,Go,1_000,1", "not_a_count", "visitors"),
        ("t,,Go,,1", "empty", "visitors"),
        ("t,,Go," + "9" * 5000 + ",1", "too_large", "visitors"),
        ("t,,  ,9,1", "empty", "text"),
        (",,Go,9,1", "empty", "test"),
        ("t,,G\x00o,9,1", "nul_character", "text"),
        ("t\x00,,Go,9,1", "nul_character", "test"),
        ("t,\x00,Go,9,1", "nul_character", "context"),
        ("t,,Go,9", "field_count", ""),
        ("t,,Go,9,1,7", "field_count", ""),
        ('t,,"Go"now,9,1', "broken_csv", ""),
    ],
)
def test_row_that_cannot_be_taken_is_reported_and_the_rest_goes_in(write, line, problem, field):
    history = read_history(write(HEADER, "t,,A,9,1", line, "t,,B,9,1"), "ctaopt")
    assert [row.text for row in history.rows] == ["A", "B"]
    (skip,) = history.skipped
    assert (skip.line, skip.problem, skip.field) == (3, problem, field)
    assert skip.message.startswith("line 3: ")


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [("ended_on", "yesterday", "not_a_date"), ("suspect", "maybe", "not_a_flag")],
)
def test_bad_optional_value_is_left_out_and_its_row_is_taken(write, column, value, problem):
    history = read_history(write(f"{HEADER},{column}", f"t,,A,9,1,{value}"), "ctaopt")
    assert len(history.rows) == 1
    (note,) = history.ignored
    assert (note.line, note.problem, note.field, note.value) == (2, problem, column, value)


def test_skipped_field_is_called_by_the_name_in_the_file(write):
    header = "test_id,image_id,excerpt,lede,headline,impressions,clicks"
    (skip,) = read_history(write(header, "t,i,e,l,A,x,1"), "upworthy").skipped
    assert skip.message == "line 2: impressions: is not a whole number: 'x'"


def test_line_number_counts_physical_lines(write):
    path = write(HEADER, 't,"two\nlines",A,9,1', "", "t,,B,9,10")
    assert [skip.line for skip in read_history(path, "ctaopt").skipped] == [5]


@pytest.mark.parametrize("tail", ["t,,B,9", 't,,"B half writ'], ids=["cut", "open quote"])
def test_half_written_last_line_is_reported(write, tail):
    history = read_history(write(HEADER, "t,,A,9,1", tail), "ctaopt")
    assert len(history.rows) == 1
    assert [skip.line for skip in history.skipped] == [3]


def test_rows_stream_before_the_file_ends(write):
    rows = iter_history(write(HEADER, "t,,A,9,1", "t,,B,9,1"), "ctaopt")
    assert next(rows).text == "A"
    rows.close()


@pytest.mark.parametrize(
    ("history_format", "lines", "message"),
    [
        (
            "ctaopt",
            ["test,context,text,clicks"],
            "missing column: visitors or impressions or visiteurs$",
        ),
        ("upworthy", [HEADER], "not a upworthy history, missing column: test_id or click"),
        ("ctaopt", [""], "the file is empty or has no header line$"),
        ("ctaopt", ["\x00\x01PK"], "missing column: test or test_id"),
    ],
    ids=["column", "format", "empty", "binary"],
)
def test_file_of_another_kind_is_refused(write, history_format, lines, message):
    path = write(*lines)
    with pytest.raises(HistoryFileError, match=f"past[.]csv: .*{message}"):
        read_history(path, history_format)


def test_file_in_another_encoding_than_the_one_named_is_refused(tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes(f"{HEADER}\nt,,Découvrir,9,1\n".encode("latin-1"))
    with pytest.raises(HistoryFileError, match=r"latin.csv: not text in its encoding .*utf-8"):
        HistoryFile(path, "ctaopt", encoding="utf-8")
    with pytest.raises(HistoryFileError, match="unknown encoding: klingon"):
        HistoryFile(path, "ctaopt", encoding="klingon")


def test_truncated_gzip_file_is_refused(write):
    path = write(HEADER, *(f"t{i},,A{i},9,1" for i in range(500)), name="past.csv.gz")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(HistoryFileError, match=r"past.csv.gz: the gzip file is damaged"):
        read_history(path, "ctaopt")


def test_missing_file_and_folder_are_refused(tmp_path):
    with pytest.raises(HistoryFileError, match=r"none[.]csv: No such file"):
        read_history(tmp_path / "none.csv", "ctaopt")
    with pytest.raises(HistoryFileError, match="Is a directory"):
        read_history(tmp_path, "ctaopt")


@pytest.mark.needs_shared
def test_upworthy_archive_is_read_whole(upworthy_csv):
    history = read_history(upworthy_csv, "upworthy")
    assert (len(history.rows), history.skipped) == (16_764, ())
    assert sum(row.suspect for row in history.rows) == 4_308


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_endless_line_is_not_read_to_its_end(tmp_path, zipped):
    """A gigabyte of zeros: sparse on the disk, or a megabyte of gzip."""
    path = tmp_path / "bomb.csv"
    with gzip.open(path, "wb", 1) if zipped else path.open("wb") as file:
        file.write(f"{HEADER}\n".encode())
        for _ in range(300 if zipped else 0):
            file.write(bytes(1_000_000))
        if not zipped:
            file.truncate(1_000_000_000)
    tracemalloc.start()
    with pytest.raises(HistoryFileError, match="a line of more than 1,000,000 characters"):
        list(iter_history(path, "ctaopt"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000


@pytest.mark.parametrize(
    ("limit", "reason"),
    [("rows", "more than 20 rows"), ("characters", "more than 20 characters")],
)
def test_file_is_read_to_its_limit(tmp_path, monkeypatch, limit, reason):
    monkeypatch.setattr(reading, "LIMITS", Limits(**{limit: 20}))
    path = tmp_path / "past.csv"
    path.write_text(f"{HEADER}\n" + "t,,Go,9,1\n" * 21)
    with pytest.raises(HistoryFileError, match=reason):
        list(iter_history(path, "ctaopt"))


def test_file_at_its_limit_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "LIMITS", Limits(rows=21))
    path = tmp_path / "past.csv"
    path.write_text(f"{HEADER}\n" + "t,,Go,9,1\n" * 21)
    assert len(list(iter_history(path, "ctaopt"))) == 21
