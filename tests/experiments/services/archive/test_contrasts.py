import math

import pytest

from experiments.services.archive.contrasts import contrast_of, new_wordings_of


def arm(text, log, variance=0.01, *, control=False, **traits):
    return {"text": text, "log": log, "variance": variance, "is_control": control, **traits}


def test_contrast_is_the_difference_of_precision_weighted_means():
    arms = [arm("a", 0.1, 0.01), arm("a2", 0.4, 0.02), arm("b", 0.0, 0.04)]
    found = contrast_of(arms, lambda one: one["text"].startswith("a"))
    # Weights 100 and 50: (10 + 20) / 150 = 0.2, variance 1/150.
    assert found.log == pytest.approx(0.2)
    assert found.se == pytest.approx(math.sqrt(1 / 150 + 0.04))


def test_sign_turns_where_the_control_has_the_trait():
    arms = [arm("now", 0.0, control=True), arm("later", 0.3)]
    assert contrast_of(arms, lambda one: one["text"] == "now").log == pytest.approx(-0.3)


@pytest.mark.parametrize(
    "arms",
    [
        [],
        [arm("a", 0.1)],
        [arm("a", 0.1), arm("a2", 0.2)],
        [arm("a", None, None), arm("b", 0.2)],
        [arm("a", 0.1, 0.0), arm("b", 0.2)],
    ],
    ids=["none", "one", "one side", "no result", "no variance"],
)
def test_side_without_a_result_gives_no_contrast(arms):
    assert contrast_of(arms, lambda one: one["text"].startswith("a")) is None


def test_new_wordings_are_compared_with_the_control():
    found = new_wordings_of([arm("old", 0.0, control=True), arm("x", 0.1), arm("y", 0.3)])
    assert found.log == pytest.approx(0.2)


def test_test_of_equal_wordings_or_without_control_has_no_new_ones():
    assert new_wordings_of([arm("go", 0.0, control=True), arm("go", 0.3)]) is None
    assert new_wordings_of([arm("go", -3.0), arm("run", -2.9)]) is None
