import pytest

from ml.history.row import HistoryRow, RowError


def row(**changes):
    values = {"test": "t", "context": "", "text": "Go", "visitors": 10, "clicks": 1}
    return HistoryRow(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test": " "}, "^test: is empty$"),
        ({"text": "\t\n"}, "^text: is empty$"),
        ({"visitors": -1}, "^visitors: is negative: '-1'$"),
        ({"clicks": -1}, "^clicks: is negative: '-1'$"),
        ({"visitors": 10**12 + 1}, "^visitors: is impossibly large"),
        ({"clicks": 11}, "^clicks: are more than the visitors: '11 > 10'$"),
    ],
)
def test_row_refuses_impossible_values(changes, message):
    with pytest.raises(RowError, match=message):
        row(**changes)


def test_row_accepts_an_arm_nobody_saw_and_one_everybody_clicked():
    assert row(visitors=0, clicks=0).clicks == 0
    assert row(visitors=10, clicks=10).clicks == 10


def test_row_error_shortens_a_long_value():
    error = RowError("not_a_count", "clicks", "9" * 200)
    assert len(error.value) == 60
    assert error.value.endswith("...")
