import struct
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from experiments.services.pictures.looks import LOOKS
from experiments.services.pictures.rendering import draw_png, draw_svg
from experiments.services.pictures.specifications import KINDS
from tests.experiments.services.pictures.picture_rows import NAMES, ROWS


def drawn(kind, *, look="wide", language="en", title="Lift"):
    rows, options = ROWS[kind]
    options = {"title": title, **options}
    return draw_svg(kind, rows, look=LOOKS[look], language=language, options=options)


# Kinds whose rows are numbers only, or of one series.
NAMELESS = ("densities", "coverage", "reliability")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_well_formed_and_says_its_words(kind):
    svg = ElementTree.fromstring(drawn(kind))  # noqa: S314  our own
    texts = "".join(svg.itertext())
    assert svg.tag.endswith("svg")
    if kind not in NAMELESS:
        assert NAMES[1] in texts
    assert "script" not in {element.tag.rpartition("}")[2] for element in svg.iter()}


@pytest.mark.parametrize("look", LOOKS)
def test_picture_is_as_wide_as_its_look(look):
    svg = ElementTree.fromstring(drawn("forest", look=look))  # noqa: S314  our own
    width = float(svg.get("width"))
    assert width <= LOOKS[look].width + 20


@pytest.mark.parametrize("kind", KINDS)
def test_image_has_two_pixels_for_each_of_the_drawing(kind):
    rows, options = ROWS[kind]
    how = {"look": LOOKS["narrow"], "language": "en", "options": {"title": "Lift", **options}}
    svg = ElementTree.fromstring(draw_svg(kind, rows, **how))  # noqa: S314  our own
    png = draw_png(kind, rows, **how)
    assert png.startswith(b"\x89PNG")
    assert struct.unpack(">I", png[16:20])[0] == pytest.approx(2 * float(svg.get("width")), abs=2)


def test_months_and_marks_are_those_of_the_language():
    assert "nov." in drawn("lines", language="fr")
    assert "Nov" in drawn("lines", language="en")
    assert "5,5" in drawn("lines", language="fr").replace("\u202f", " ")


def labels_of(name, look):
    rows = [{"name": name, "low": -0.1, "value": 0.1, "high": 0.3}]
    svg = draw_svg("forest", rows, look=LOOKS[look], language="fr", options={"title": "Gain"})
    texts = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314
    return ["".join(text.itertext()) for text in texts]


def test_long_label_of_a_narrow_picture_is_whole_on_two_lines():
    assert "Commencer en deux minutes" in labels_of("Commencer en deux minutes", "wide")
    narrow = labels_of("Commencer en deux minutes", "narrow")
    assert any(label.replace(" ", "") == "Commencerendeuxminutes" for label in narrow), narrow


HOSTILE = ['"] + alert(1)', "toString", "__proto__", "a\\u2028b' \u2028c", "{{ 1 }}", "a\x00b"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_drawn_whatever_is_in_it(kind, text):
    def with_text(value):
        return text if value in (NAMES[0], "proven") else value

    rows, options = ROWS[kind]
    rows = [{field: with_text(value) for field, value in row.items()} for row in rows]
    marks = [mark | {"text": text} for mark in options.get("marks", ())]
    options = {"title": "Gain"} | ({"marks": marks} if marks else {})
    svg = draw_svg(kind, rows, look=LOOKS["narrow"], language="fr", options=options)
    shown = "".join(ElementTree.fromstring(svg).itertext())  # noqa: S314  our own
    if kind not in NAMELESS:
        expected = "".join(text.replace("\x00", " ").split())
        assert expected in "".join(shown.split())


def test_processes_that_draw_nothing_load_no_vega():
    code = (
        "import sys\n"
        "import experiments.services.pictures.rendering\n"
        "assert not {'vl_convert', 'altair'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("kind", ["bands", "lines"])
def test_legend_shows_lines_with_their_dashes(kind):
    """Lines are matched without colours, too: a legend of discs would not do."""
    root = ElementTree.fromstring(drawn(kind))  # noqa: S314
    symbols = root.findall(".//*[@class='mark-symbol role-legend-symbol']/*")
    assert len(symbols) == len(NAMES)
    assert {one.get("opacity", "1") for one in symbols} == {"1"}
    assert all("M-" in one.get("d") and ",0L" in one.get("d") for one in symbols)
    dashes = [one.get("stroke-dasharray") for one in symbols]
    lines = root.findall(".//*[@aria-roledescription='line mark']")
    assert dashes == [one.get("stroke-dasharray") for one in lines]
    assert len(set(dashes)) == len(NAMES)
