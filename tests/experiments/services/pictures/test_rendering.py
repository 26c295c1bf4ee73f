import subprocess
import sys
from xml.etree import ElementTree

import pytest

from experiments.services.pictures.looks import LOOKS
from experiments.services.pictures.rendering import draw_svg
from experiments.services.pictures.specifications import KINDS
from tests.experiments.services.pictures.picture_rows import NAMES, ROWS


def drawn(kind, *, look="wide", language="en", title="Lift"):
    rows, options = ROWS[kind]
    options = {"title": title, **options}
    return draw_svg(kind, rows, look=LOOKS[look], language=language, options=options)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_well_formed_and_says_its_words(kind):
    svg = ElementTree.fromstring(drawn(kind))  # noqa: S314  our own
    texts = "".join(svg.itertext())
    assert svg.tag.endswith("svg")
    if kind != "densities":
        assert NAMES[1] in texts
    assert "script" not in {element.tag.rpartition("}")[2] for element in svg.iter()}


@pytest.mark.parametrize("look", LOOKS)
def test_picture_is_as_wide_as_its_look(look):
    svg = ElementTree.fromstring(drawn("forest", look=look))  # noqa: S314  our own
    width = float(svg.get("width"))
    assert width <= LOOKS[look].width + 20


def test_months_and_marks_are_those_of_the_language():
    assert "nov." in drawn("lines", language="fr")
    assert "Nov" in drawn("lines", language="en")
    assert "5,5" in drawn("lines", language="fr").replace("\u202f", " ")


def test_processes_that_draw_nothing_load_no_vega():
    code = (
        "import sys\n"
        "import experiments.services.pictures.rendering\n"
        "assert not {'vl_convert', 'altair'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
