from experiments.services.pictures.archive_specifications import calendar, tallies
from experiments.services.pictures.looks import LOOKS
from tests.experiments.services.pictures.picture_rows import ROWS


def drawn_calendar(rows, **span):
    options = ROWS["calendar"][1]
    return calendar(rows, look=LOOKS["wide"], title="", span=options["span"] | span)["layer"]


def test_calendar_begins_and_ends_with_its_months():
    bars, shared, today, text = drawn_calendar(ROWS["calendar"][0])
    for layer in (bars, shared, today, text):
        first, end = layer["encoding"]["x"]["scale"]["domain"]
        assert (first["year"], first["month"], first["date"]) == (2026, 10, 1)
        assert (end["year"], end["month"], end["date"]) == (2027, 1, 1)


def test_shared_days_are_outlined_and_not_filled():
    bars, shared, *_ = drawn_calendar(ROWS["calendar"][0])
    assert [row["name"] for row in shared["data"]["values"]] == [ROWS["calendar"][0][0]["name"]]
    assert shared["mark"]["fillOpacity"] == 0
    assert len(bars["data"]["values"]) == 2


def test_kinds_keep_their_colours_where_some_are_absent():
    colours = drawn_calendar(ROWS["calendar"][0])[0]["encoding"]["color"]["scale"]
    alone = drawn_calendar(ROWS["calendar"][0][:1])[0]["encoding"]["color"]["scale"]
    assert alone["domain"] == ["Running"]
    assert alone["range"] == [dict(zip(*colours.values(), strict=True))["Running"]]


def test_calendar_of_other_months_marks_no_day():
    assert len(drawn_calendar(ROWS["calendar"][0][:1], today=None)) == 1


def test_counts_have_whole_numbers_on_their_axis():
    rows, options = ROWS["tallies"]
    axis = tallies(rows, look=LOOKS["wide"], title="Tests", **options)["layer"][0]["encoding"]["x"]
    assert (axis["axis"]["format"], axis["axis"]["tickMinStep"]) == ("d", 1)
