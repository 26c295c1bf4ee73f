from xml.etree import ElementTree

import pytest

from experiments.services.pictures.looks import LOOKS
from experiments.services.pictures.predictor_specifications import coverage, curves, reliability
from experiments.services.pictures.rendering import draw_svg
from tests.experiments.services.pictures.picture_rows import ROWS


@pytest.mark.parametrize(("draw", "kind"), [(coverage, "coverage"), (reliability, "reliability")])
def test_half_of_the_pairs_and_all_of_them_are_on_the_axis(draw, kind):
    rows, options = ROWS[kind]
    layers = draw(rows, look=LOOKS["wide"], title="", **options)["layer"]
    low, high = layers[0]["encoding"]["y"]["scale"]["domain"]
    # What is below a coin, such as 45 %, is on it, too.
    assert low == {"coverage": 0.5, "reliability": 0.45}[kind]
    assert high == 1


def test_chances_lie_beside_the_line_of_equals():
    rows, options = ROWS["reliability"]
    line, bars = reliability(rows, look=LOOKS["wide"], title="", **options)["layer"]
    assert [row["at"] for row in line["data"]["values"]] == [0.5, 1]
    assert (bars["encoding"]["x"]["field"], bars["encoding"]["y"]["field"]) == ("low", "won")


def test_curves_name_their_sizes_on_a_log_scale():
    rows, options = ROWS["curves"]
    x = curves(rows, look=LOOKS["wide"], title="", **options)["layer"][1]["encoding"]["x"]
    assert x["scale"]["type"] == "log"
    assert x["axis"]["values"] == [25, 100]
    only = curves(rows[:1], look=LOOKS["wide"], title="", **options)["layer"][1]["encoding"]["x"]
    assert only["axis"]["values"] == [25]


def test_long_names_of_curves_are_whole_on_several_lines():
    name = "Toutes les couches du encodeur figé et régression ridge (apprentissage par transfert)"
    rows = [{"x": 25, "series": name, "low": 0.5, "value": 0.6, "high": 0.7}]
    svg = draw_svg("curves", rows, look=LOOKS["narrow"], language="fr", options={"title": ""})
    texts = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314
    shown = " ".join(" ".join(text.itertext()) for text in texts)
    assert name in shown
    assert "…" not in shown
