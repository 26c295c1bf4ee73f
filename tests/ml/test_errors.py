import pytest

from ml.errors import TooLittleHistoryError


@pytest.mark.parametrize(
    ("kind", "named"),
    [("groups", "tests with two wordings"), ("components", "families"), ("pairs", "pairs of")],
)
def test_shortage_names_what_there_is_and_what_is_needed(kind, named):
    error = TooLittleHistoryError(kind, 3, 20)
    assert (error.kind, error.found, error.needed) == (kind, 3, 20)
    assert str(error).startswith(f"too little history: 3 {named}")
    assert str(error).endswith("(at least 20)")
