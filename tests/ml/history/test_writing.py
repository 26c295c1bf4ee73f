import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.history.reading import read_history
from ml.history.row import HistoryRow
from ml.history.writing import write_ctaopt

# Readers strip outer white space and refuse NUL, and files are UTF-8: no lone surrogates.
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).map(str.strip)
rows = st.builds(
    lambda visitors, share, **rest: HistoryRow(
        visitors=visitors, clicks=visitors * share // 9, **rest
    ),
    visitors=st.integers(0, 10**9),
    share=st.integers(0, 9),
    test=words.filter(bool),
    context=words,
    text=words.filter(bool),
    audience=words,
    locale=st.text(string.ascii_letters),
    ended_on=st.none() | st.dates(),
    group=words,
    suspect=st.booleans(),
)


@given(past=st.lists(rows, max_size=5))
def test_written_rows_are_read_back_unchanged(tmp_path_factory, past):
    path = tmp_path_factory.mktemp("history") / "past.csv"
    assert write_ctaopt(past, path) == len(past)
    history = read_history(path, "ctaopt")
    assert history.skipped == ()
    assert list(history.rows) == past


def a_row():
    return HistoryRow(test="t", context="c", text="Découvrir", visitors=9, clicks=1)


def test_gzipped_file_is_equal_for_equal_rows(tmp_path):
    first, second = tmp_path / "a.csv.gz", tmp_path / "b.csv.gz"
    write_ctaopt([a_row()], first)
    write_ctaopt([a_row()], second)
    assert first.read_bytes() == second.read_bytes()
    assert read_history(first, "ctaopt").rows == (a_row(),)


def test_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "past.csv"
    write_ctaopt([a_row()], path)
    before = path.read_bytes()

    def broken():
        yield a_row()
        raise RuntimeError("source failed")

    with pytest.raises(RuntimeError, match="source failed"):
        write_ctaopt(broken(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
