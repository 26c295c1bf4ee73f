import csv
import io

import pytest
from openpyxl import Workbook, load_workbook

from experiments.services.learning import wording_lab as subject
from experiments.services.learning.jobs import JobFailedError
from experiments.services.learning.wording_lab import ListFilter, NoSuchColumnError
from ml import predict
from tables.source import TableError

RESULT = {
    "predictor": 3,
    "fidelity": 0.9,
    "wordings": [
        {"text": "Get it today", "score": 0.2, "known_share": 1.0, "rank": 1,
         "principles": ["urgency"]},
        {"text": "=Buy", "score": 0.0, "known_share": 0.5, "rank": 2, "principles": []},
        {"text": "Read our long guide", "score": -0.2, "known_share": 0.0, "rank": 3,
         "principles": ["clarity"]},
    ],
}  # fmt: skip


def written(folder, text, name="list.csv"):
    path = folder / name
    path.write_text(text)
    return path


def texts(**conditions):
    return [row["text"] for row in subject.shown_rows(RESULT, ListFilter(**conditions))]


def test_lines_are_wordings_each_once():
    found = subject.wording_list(["Buy  now", "", "  ", "Buy now", "x" * 201, "Try"])
    assert found.texts == ("Buy now", "Try")
    assert (found.n_repeated, len(found.too_long), found.is_too_many) == (1, 1, False)


def test_more_than_ten_thousand_are_too_many():
    lines = [f"Buy {number}" for number in range(subject.MOST_WORDINGS + 1)]
    assert subject.wording_list(lines).is_too_many
    assert not subject.wording_list(lines[1:]).is_too_many


@pytest.mark.parametrize(
    ("head", "column", "chosen"),
    [
        ("id;Text;note", "", "Text"),
        ("id;a;b", "", "b"),
        ("id;a;b", "A", "a"),
    ],
    ids=["named", "most letters", "asked for"],
)
def test_column_of_wordings_is_found(tmp_path, head, column, chosen):
    path = written(tmp_path, f"{head}\n1;Buy;Please read\n2;Try;Please look\n")
    found = subject.read_column(path, column=column)
    assert found.chosen == chosen
    assert found.columns == tuple(head.split(";"))
    rows = (("1", "Buy", "Please read"), ("2", "Try", "Please look"))
    at = found.columns.index(chosen)
    assert found.wordings.texts == tuple(row[at] for row in rows)


def test_workbook_is_read(tmp_path):
    book = Workbook()
    for row in (("no", "Wording"), (1, "Buy"), (2, None), (3, "Try")):
        book.active.append(row)
    book.save(tmp_path / "list.xlsx")
    found = subject.read_column(tmp_path / "list.xlsx")
    assert (found.chosen, found.wordings.texts) == ("Wording", ("Buy", "Try"))


def test_unknown_column_names_those_that_are_there(tmp_path):
    path = written(tmp_path, "a;b\n1;2\n")
    with pytest.raises(NoSuchColumnError, match="a, b"):
        subject.read_column(path, column="c")


def test_file_without_a_table_is_refused(tmp_path):
    with pytest.raises(TableError):
        subject.read_column(written(tmp_path, ""))


def test_job_keeps_the_whole_list_and_its_page_shows_the_first_lines():
    lines = [f"Buy {number}" for number in range(subject.MOST_WORDINGS)]
    request = subject.list_request(subject.wording_list([*lines, "Buy 0"]), locale="en")
    assert request["wordings"] == lines
    shown = subject.list_in_words(request)
    assert shown["first"] == lines[: subject.N_SHOWN]
    assert (shown["n"], shown["n_repeated"], shown["n_too_long"]) == (len(lines), 1, 0)


def test_list_of_a_job_of_a_former_release_is_shown():
    shown = subject.list_in_words({"is_list": True, "wordings": ["Buy"], "locale": "en"})
    assert (shown["n"], shown["n_repeated"], shown["file"]) == (1, 0, None)


def test_list_is_sorted_with_principles(monkeypatch):
    rows = [{"text": "Get it today", "score": 0.1, "known_share": 1.0}]
    outcome = {"predictor": 1, "fidelity": None, "wordings": rows}
    monkeypatch.setattr(predict, "rank_list", lambda _: outcome)
    found = subject.sort_in_job({"wordings": ["Get it today"], "locale": "en"})
    assert (found["typed"]["n"], found["locale"]) == (1, "en")
    assert found["wordings"][0]["rank"] == 1
    assert "urgency" in found["wordings"][0]["principles"]


def test_list_without_a_predictor_says_so(db):
    with pytest.raises(JobFailedError, match="predictor"):
        subject.sort_in_job({"wordings": ["Buy"], "locale": "en"})


def test_filter_takes_by_text_length_and_principle():
    assert texts() == ["Get it today", "=Buy", "Read our long guide"]
    assert texts(text="BUY") == ["=Buy"]
    assert texts(shortest=5, longest=12) == ["Get it today"]
    assert texts(principle="clarity") == ["Read our long guide"]
    assert texts(principle="clarity", text="buy") == []


def test_files_hold_the_shown_wordings():
    rows = subject.shown_rows(RESULT, ListFilter(longest=12))
    content = subject.list_file(rows, file_format="csv").decode("utf-8-sig")
    assert [row["Wording"] for row in csv.DictReader(io.StringIO(content))] == [
        "Get it today",
        "'=Buy",
    ]
    book = load_workbook(io.BytesIO(subject.list_file(rows, file_format="xlsx")))
    assert [cell.value for cell in book.worksheets[0]["B"]] == ["Wording", "Get it today", "=Buy"]
