from datetime import date, datetime

import pytest

from tables.source import as_text


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        (" Go ", "Go"),
        (12, "12"),
        (12.0, "12"),
        (12.5, "12.5"),
        (True, "true"),
        (date(2026, 11, 28), "2026-11-28"),
        (datetime(2026, 11, 28, 9, 30), "2026-11-28T09:30:00"),  # noqa: DTZ001  # as in a sheet
    ],
)
def test_cell_is_written_as_a_person_would(cell, text):
    assert as_text(cell) == text
