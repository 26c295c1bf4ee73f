from datetime import UTC, date, datetime, timedelta

import pytest

from experiments.services.pictures.looks import LOOKS
from experiments.services.pictures.specifications import KINDS
from tests.experiments.services.pictures.picture_rows import ROWS


@pytest.mark.parametrize("look", ["wide", "narrow"])
@pytest.mark.parametrize("n", [1, 3, 40, 1_000])
def test_days_of_visitors_are_named_up_to_the_last_one(look, n):
    first = date(2026, 1, 1)
    days = [(first + timedelta(days=at)).isoformat() for at in range(n)]
    rows = [{"day": day, "series": "a", "value": 1} for day in days]
    specification = KINDS["stacked_days"](rows, look=LOOKS[look], title="")
    named = specification["layer"][0]["encoding"]["x"]["axis"]["values"]
    shown = [datetime.fromtimestamp(at / 1000, UTC).date().isoformat() for at in named]
    assert shown[0] == days[0]
    assert shown == [day for day in days if day in shown]
    assert len(shown) <= 8


@pytest.mark.parametrize("look", ["wide", "narrow"])
@pytest.mark.parametrize("kind", ["bands", "lines"])
def test_texts_of_marked_days_have_room(kind, look):
    """Texts of one line are on different sides of the middle; the first day's stay inside."""
    rows, _options = ROWS[kind]
    marks = [{"day": row["day"], "text": "proven: a long name"} for row in rows]
    drawn = KINDS[kind](rows, look=LOOKS[look], title="", marks=marks)
    texts = [one for one in drawn["layer"] if one["mark"]["type"] == "text"]
    assert [one["data"]["values"] for one in texts] == [[mark] for mark in marks]
    assert len({(one["mark"]["align"], one["mark"]["y"]) for one in texts}) == len(texts)
    assert texts[0]["mark"]["align"] == "left"
    assert texts[-1]["mark"]["align"] == "right"
