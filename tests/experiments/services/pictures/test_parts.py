from experiments.services.pictures.looks import LOOKS
from experiments.services.pictures.parts import by_series, grouped_bars, named_axis, number_axis

LOOK = LOOKS["narrow"]


def test_names_are_looked_up_and_never_part_of_an_expression():
    name = 'x"]; alert(1); ["'
    axis = named_axis([name], LOOK)
    assert axis["labelExpr"].startswith('({"x\\"]; alert(1); [\\"": [')
    assert axis["labelExpr"].endswith(")[datum.label]")


def test_bars_of_a_step_lie_beside_each_other():
    rows = [{"step": "a", "series": name, "value": 1, "text": "1"} for name in "xyz"]
    drawn = grouped_bars(rows, [], LOOK, number_axis("", is_percent=False))
    bar, text = drawn["layer"]
    assert bar["encoding"]["yOffset"] == text["encoding"]["yOffset"]
    assert bar["encoding"]["yOffset"]["sort"] == ["x", "y", "z"]


def test_series_that_is_not_among_everyone_comes_after_them():
    scale = by_series([{"series": "late"}], ["a", "b"], lambda index: index)["scale"]
    assert scale == {"domain": ["late"], "range": [2]}
