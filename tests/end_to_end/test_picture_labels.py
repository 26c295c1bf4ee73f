"""Labels of pictures in a real browser, whose fonts are wider than those that Vega measures."""

from itertools import combinations

import pytest

from experiments.services.pictures.looks import LOOKS
from experiments.services.pictures.rendering import draw_svg

pytestmark = pytest.mark.slow

LONG = "R\u00e9server ma place ce mois-ci, sans frais et sans engagement"
NAMES = [
    "Essayer gratuitement",
    "Commencer en deux minutes",
    LONG,
    "Appareil\u00a0: mobile · WWWWWWWW",
]
FOREST = [{"name": name, "low": -0.1, "value": 0.1, "high": 0.3} for name in NAMES]
# Two lines, the second of which has a dot of its own.
DOTS = [FOREST[0] | {"name": "Pays · France m\u00e9tropolitaine · Corse"}]
STEPS = ("Vues uniques de la page", "Clics", "Commandes")
FUNNEL = [{"step": step, "series": "Essayer", "value": 0.2, "text": "20 %"} for step in STEPS]
PICTURES = {"names": ("forest", FOREST), "dots": ("forest", DOTS), "steps": ("funnel", FUNNEL)}
# How far each text reaches beyond the left edge of its picture, in pixels.
OUTSIDE = """() => [...document.querySelectorAll("svg text")].map(
    (text) => document.querySelector("svg").getBoundingClientRect().left
        - text.getBoundingClientRect().left)"""


@pytest.mark.parametrize("look", ["wide", "narrow"])
@pytest.mark.parametrize(("kind", "rows"), PICTURES.values(), ids=PICTURES)
def test_labels_beside_an_axis_are_not_cut(chromium, look, kind, rows):
    page = chromium.new_page(viewport={"width": 800, "height": 600})
    svg = draw_svg(kind, rows, look=LOOKS[look], language="fr", options={"title": "Gain"})
    page.set_content(f"<!doctype html><body style='margin: 40px'>{svg}")
    outside = page.evaluate(OUTSIDE)
    page.close()
    assert len(outside) > len(rows)
    assert max(outside) <= 0


# Boxes of the texts and symbols of a legend; lines of text may touch by some pixels.
LEGEND = """() => [...document.querySelectorAll(
    ".role-legend-label text, .role-legend-symbol path")].map((one) => {
        const box = one.getBoundingClientRect();
        const cut = one.tagName === "text" ? 4 : 0;
        return [box.left, box.top + cut, box.right, box.bottom - cut];
    })"""
RIGHT = "() => document.querySelector('svg').getBoundingClientRect().right"
LEGENDS = {
    "two": ["Commencer en deux minutes", "R\u00e9server ma place maintenant"],
    "long": ["Essayer", LONG, f"{LONG} de dur\u00e9e"],
    "capitals": ["COMMENCER MAINTENANT", "WWWWWWWWWWWWWWWW", "Go"],
}


@pytest.mark.parametrize("look", ["wide", "narrow"])
@pytest.mark.parametrize("names", LEGENDS.values(), ids=LEGENDS)
@pytest.mark.parametrize("kind", ["lines", "bands", "stacked_days", "funnel"])
def test_texts_of_a_legend_have_room(chromium, kind, names, look):
    rows = [
        {"day": day, "step": "Commandes", "series": name, "value": 0.2, "text": "20 %"}
        | {"low": 0.1, "high": 0.3}
        for name in names
        for day in ("2026-11-20", "2026-11-21")
    ]
    page = chromium.new_page(viewport={"width": 800, "height": 600})
    svg = draw_svg(kind, rows, look=LOOKS[look], language="fr", options={"title": "Gain"})
    page.set_content(f"<!doctype html><body style='margin: 40px'>{svg}")
    boxes, end = page.evaluate(LEGEND), page.evaluate(RIGHT)
    page.close()
    assert len(boxes) == 2 * len(names)
    assert max(right for _left, _top, right, _bottom in boxes) <= end
    for one, other in combinations(boxes, 2):
        beside = one[2] <= other[0] or other[2] <= one[0]
        below = one[3] <= other[1] or other[3] <= one[1]
        assert beside or below
