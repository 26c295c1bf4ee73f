import altair
import pytest

from experiments.services.pictures.looks import LOOKS
from experiments.services.pictures.specifications import DASHES, KINDS
from tests.experiments.services.pictures.picture_rows import ROWS, VALUES


@pytest.mark.parametrize("look", ["wide", "narrow-dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_specification_is_valid_vega_lite(kind, look):
    rows, options = ROWS[kind]
    specification = KINDS[kind](rows, look=LOOKS[look], title="Lift", **options)
    altair.LayerChart.from_dict(specification, validate=True)


@pytest.mark.parametrize("kind", KINDS)
def test_specification_without_rows_is_valid(kind):
    specification = KINDS[kind]([], look=LOOKS["wide"], title="")
    altair.LayerChart.from_dict(specification, validate=True)


def test_lines_differ_without_colours():
    layer = KINDS["lines"](VALUES, look=LOOKS["wide"], title="")["layer"][0]
    first, second = layer["encoding"]["strokeDash"]["scale"]["range"]
    assert first != second
    assert len({tuple(dash) for dash in DASHES}) == len(DASHES)


def test_open_end_reaches_the_end_of_the_axis():
    rows = [{"name": "a", "low": 0.1, "value": 0.2, "high": float("inf")}]
    specification = KINDS["forest"](rows, look=LOOKS["wide"], title="")
    end = specification["layer"][1]["encoding"]["x"]["scale"]["domain"][1]
    assert specification["data"]["values"][0]["to"] == end < 1


def test_first_days_do_not_flatten_the_later_ones():
    rows = [
        {"day": "2026-11-20", "series": "a", "low": -30.0, "value": 0.3, "high": 40.0},
        {"day": "2026-11-21", "series": "a", "low": 0.1, "value": 0.2, "high": 0.3},
    ]
    specification = KINDS["bands"](rows, look=LOOKS["wide"], title="")
    assert max(row["high"] for row in specification["data"]["values"]) < 1
