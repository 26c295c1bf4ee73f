from itertools import combinations, pairwise

import pytest

from experiments.legibility import contrast_ratio
from experiments.services.pictures.looks import DASHES, LOOKS
from experiments.services.pictures.specifications import KINDS
from tests.experiments.services.pictures.picture_rows import ROWS, VALUES


@pytest.fixture(scope="module")
def altair():
    """Its import takes three seconds of a core: of one worker, not of each that collects."""
    import altair  # noqa: PLC0415

    return altair


@pytest.mark.parametrize("look", ["wide", "narrow-dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_specification_is_valid_vega_lite(altair, kind, look):
    rows, options = ROWS[kind]
    specification = KINDS[kind](rows, look=LOOKS[look], title="Lift", **options)
    altair.LayerChart.from_dict(specification, validate=True)


@pytest.mark.parametrize("kind", KINDS)
def test_specification_without_rows_is_valid(altair, kind):
    specification = KINDS[kind]([], look=LOOKS["wide"], title="")
    altair.LayerChart.from_dict(specification, validate=True)


def test_lines_differ_without_colours():
    layer = KINDS["lines"](VALUES, look=LOOKS["wide"], title="")["layer"][0]
    first, second = layer["encoding"]["strokeDash"]["scale"]["range"]
    assert first != second
    assert len({tuple(dash) for dash in DASHES}) == len(DASHES)


@pytest.mark.parametrize("kind", ["stacked_days", "stacked_shares", "funnel"])
@pytest.mark.parametrize("look", ["wide", "narrow-dark"])
def test_filled_series_differ_in_a_grey_print(kind, look):
    names = [f"arm {number}" for number in range(7)]
    rows = [
        {"day": "2026-11-20", "step": "seen", "series": name, "value": 0.1, "text": "10%"}
        for name in names
    ]
    specification = KINDS[kind](rows, look=LOOKS[look], title="")
    colours = specification["layer"][0]["encoding"]["color"]["scale"]["range"]
    assert len(colours) == len(names)
    assert min(contrast_ratio(one, other) for one, other in combinations(colours, 2)) >= 1.2
    assert min(contrast_ratio(one, other) for one, other in pairwise(colours)) >= 1.5


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("kind", ["lines", "stacked_days"])
def test_twenty_arms_are_told_apart(kind, look):
    names = [f"arm {number}" for number in range(20)]
    rows = [{"day": "2026-11-20", "series": name, "value": 0.1} for name in names]
    encoding = KINDS[kind](rows, look=LOOKS[look], title="")["layer"][0]["encoding"]
    channels = [
        encoding[name]["scale"]["range"] for name in ("color", "strokeDash") if name in encoding
    ]
    pairs = {str(pair) for pair in zip(*channels, strict=True)}
    assert len(pairs) == 20
    assert channels[0].count(channels[0][0]) == 1


def test_changes_are_marked_on_bars_as_on_lines():
    marks = [{"day": "2026-11-21", "text": "Paused"}]
    drawn = KINDS["stacked_days"](VALUES, look=LOOKS["wide"], title="", marks=marks)
    plain = KINDS["stacked_days"](VALUES, look=LOOKS["wide"], title="")
    assert len(plain["layer"]) == 1
    assert [layer["data"]["values"] for layer in drawn["layer"][1:]] == [marks, marks]
    # The text has 19 of 200 pixels to itself, above bars of at most 0.14.
    top = drawn["layer"][0]["encoding"]["y"]["scale"]["domainMax"]
    assert top == pytest.approx(0.14 * 200 / 181)


def test_level_lies_on_an_axis_of_all_fractions(altair):
    level = {"at": 0.8, "text": "planned: 80%"}
    specification = KINDS["lines"](VALUES, look=LOOKS["wide"], title="", level=level)
    altair.LayerChart.from_dict(specification, validate=True)
    layers = specification["layer"]
    assert {layer["encoding"]["y"]["scale"]["domain"][1] for layer in layers} == {1}
    assert layers[1]["data"]["values"] == [level]


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


@pytest.mark.parametrize("kind", ["bands", "lines", "stacked_days", "densities", "funnel"])
def test_series_keep_their_colours_and_dashes_where_the_control_has_no_rows(kind):
    rows, options = ROWS[kind]
    rows = [row | {"series": "b"} for row in rows]
    drawn = KINDS[kind](rows, look=LOOKS["wide"], title="", everyone=["a", "b"], **options)
    plain = KINDS[kind](
        [row | {"series": name} for row in rows for name in ("a", "b")],
        look=LOOKS["wide"],
        title="",
        **options,
    )

    def scales(specification):
        channels = [layer["encoding"] for layer in specification["layer"]]
        return [
            dict(zip(scale["domain"], map(str, scale["range"]), strict=True))
            for encoding in channels
            for channel in ("color", "strokeDash")
            if channel in encoding
            for scale in [encoding[channel]["scale"]]
        ]

    for alone, among in zip(scales(drawn), scales(plain), strict=True):
        assert alone == {"b": among["b"]}
        assert among["a"] != among["b"]


@pytest.mark.parametrize("kind", ["bands", "forest"])
def test_axis_of_lifts_ends_at_a_loss_of_everything(kind):
    row = {"day": "2026-11-20", "series": "a", "name": "a", "low": -1.0, "value": -0.9, "high": 3.0}
    specification = KINDS[kind]([row], look=LOOKS["wide"], title="")
    axis = "y" if kind == "bands" else "x"
    assert specification["layer"][1]["encoding"][axis]["scale"]["domain"][0] == -1
