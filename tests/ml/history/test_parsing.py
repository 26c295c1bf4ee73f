from datetime import UTC, date, datetime

import pytest

from ml.history.parsing import RecordParser
from ml.history.row import RowError

RECORD = {"test": "t", "text": "Go", "visitors": "9", "clicks": "1"}


def parsed(**cells):
    ignored = []
    row = RecordParser("ctaopt").parse({**RECORD, **cells}, ignored.append)
    return row, [(error.problem, error.field, error.value) for error in ignored]


def test_typed_cells_of_a_sheet_need_no_guess():
    row, ignored = parsed(
        visitors=1200, clicks=50.0, ended_on=datetime(2026, 11, 28, tzinfo=UTC), suspect=True
    )
    assert (row.visitors, row.clicks, row.ended_on, row.suspect) == (
        1200,
        50,
        date(2026, 11, 28),
        True,
    )
    assert ignored == []


@pytest.mark.parametrize(
    ("cell", "problem"),
    [(9.5, "not_a_count"), (True, "not_a_count"), (None, "empty"), ("1.000", "ambiguous_count")],
)
def test_count_that_is_none_is_refused(cell, problem):
    with pytest.raises(RowError) as refused:
        parsed(visitors=cell)
    assert (refused.value.problem, refused.value.field) == (problem, "visitors")


def test_numbers_of_both_columns_explain_each_other():
    parser = RecordParser("ctaopt")
    parser.learn({**RECORD, "visitors": "12.345", "clicks": "1.000"})
    row = parser.parse({**RECORD, "visitors": "12.345", "clicks": "1.000"}, print)
    assert (row.visitors, row.clicks) == (12_345, 1_000)


def test_optional_values_that_cannot_be_used_are_left_out():
    row, ignored = parsed(ended_on="03/04/2026", suspect="perhaps")
    assert (row.ended_on, row.suspect) == (None, False)
    assert ignored == [
        ("ambiguous_date", "ended_on", "03/04/2026"),
        ("not_a_flag", "suspect", "perhaps"),
    ]
