import gzip
import tracemalloc

import pytest

from tables.delimited import open_delimited
from tables.source import Limits, TableError


@pytest.fixture
def opened(tmp_path):
    def _opened(content, *, is_header=bool, limits=None, **options):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return open_delimited(path, is_header=is_header, limits=limits or Limits(), **options)

    return _opened


def cells(table):
    return [row.cells for row in table.rows()]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiter_and_line_end_are_told_from_the_file(opened, mark, end):
    table = opened(end.join([mark.join(["name", "n"]), mark.join(["A", "1"]), ""]))
    assert (table.columns, cells(table)) == (("name", "n"), [("A", "1")])
    assert table.reading.delimiter == mark


@pytest.mark.parametrize(
    "before",
    ["sep=;\r\n", '"sep=;"\r\n', "# Export\r\n# 28/11/2026\r\n", "\r\n\r\n", ";;;\r\n", "#a;b\r\n"],
)
def test_lines_before_the_header_are_passed_over(opened, before):
    table = opened(f"{before}name;n\r\nA;1\r\n")
    assert (table.columns, cells(table)) == (("name", "n"), [("A", "1")])
    assert table.reading.lines_before == before.count("\r\n")


def test_named_separator_wins_over_the_marks_of_the_header(opened):
    table = opened("sep=|\nname, first|n\nA|1\n")
    assert table.columns == ("name, first", "n")


@pytest.mark.parametrize("line", ["sep=a", 'sep="', "sep= "])
def test_separator_that_can_separate_nothing_is_a_line_as_others(opened, line):
    table = opened(f"{line}\nname,n\nA,1\n", is_header=lambda names: "n" in names)
    assert cells(table) == [("A", "1")]


def test_title_is_passed_over_where_the_header_is_known(opened):
    table = opened("My report, autumn\n\nname,n\nA,1\n", is_header=lambda names: "n" in names)
    assert (table.columns, cells(table)) == (("name", "n"), [("A", "1")])
    assert [row.line for row in table.rows()] == [4]


def test_cells_may_hold_delimiters_quotes_and_lines(opened):
    table = opened('name,n\n"a, ""b""\nc",1\nd,2\n')
    assert cells(table) == [('a, "b"\nc', "1"), ("d", "2")]
    assert [row.line for row in table.rows()] == [2, 4]


def test_rows_without_content_are_left_out(opened):
    assert cells(opened("a;b\n1;2\n\n;\n ; \n3;4\n")) == [("1", "2"), ("3", "4")]


def test_broken_row_has_a_problem_and_the_next_is_read(opened):
    first, second = opened('a,b\n"x"y,1\nz,2\n').rows()
    assert (first.cells, bool(first.problem), second.cells) == ((), True, ("z", "2"))


def test_table_can_be_read_twice(opened):
    table = opened("a,b\n1,2\n")
    assert cells(table) == cells(table)


def test_gzipped_file_is_unpacked(opened):
    assert cells(opened(gzip.compress("a,b\né,2\n".encode("utf-16")))) == [("é", "2")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b"\n\n;;\n", "empty"),
        (gzip.compress(b"a,b\n1,2\n" * 99)[:-30], "damaged"),
    ],
    ids=["nothing", "blank", "cut"],
)
def test_file_without_a_table_is_refused(opened, content, problem):
    with pytest.raises(TableError) as refused:
        opened(content)
    assert refused.value.problem == problem


def test_text_is_refused_where_its_named_encoding_fails(opened):
    with pytest.raises(TableError) as refused:
        opened("a,b\né,2\n".encode("latin-1"), encoding="utf-8")
    assert refused.value.problem == "not_text"


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        (Limits(rows=2), "too_many_rows"),
        (Limits(characters=12), "too_many_characters"),
        (Limits(line=3), "long_line"),
    ],
)
def test_file_is_read_to_its_limit(opened, limits, problem):
    with pytest.raises(TableError) as refused:
        cells(opened("a,b\n1,2\n3,4\n5,6,7\n", limits=limits))
    assert refused.value.problem == problem


def test_endless_line_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "bomb.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n")
        file.truncate(300_000_000)
    tracemalloc.start()
    with pytest.raises(TableError, match="a line of more than 1,000,000 characters"):
        open_delimited(path, is_header=bool, limits=Limits())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000
