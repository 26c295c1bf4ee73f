import pytest
from openpyxl import Workbook

from tables.reading import open_table
from tables.source import TableError


def test_kind_of_a_file_is_told_from_its_content_not_from_its_name(tmp_path):
    book = Workbook()
    book.active.append(["a", "b"])
    book.active.append([1, 2])
    book.save(tmp_path / "book.xlsx")
    (tmp_path / "text.xlsx").write_text("a,b\n1,2\n")
    (tmp_path / "book.csv").write_bytes((tmp_path / "book.xlsx").read_bytes())
    kinds = {path.name: open_table(path).reading.kind for path in tmp_path.iterdir()}
    assert kinds == {"book.xlsx": "workbook", "book.csv": "workbook", "text.xlsx": "text"}


def test_missing_file_and_folder_are_refused(tmp_path):
    for path, reason in ((tmp_path / "none.csv", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(TableError, match=reason):
            open_table(path)
