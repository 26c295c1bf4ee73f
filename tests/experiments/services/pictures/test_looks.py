import pytest

from experiments.services.pictures.looks import LOOKS

GROUNDS = {False: "#ffffff", True: "#111827"}


def luminance(colour):
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first, second):
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", LOOKS)
def test_everything_stands_out_from_the_ground(name):
    look = LOOKS[name]
    ground = GROUNDS[look.is_dark]
    assert min(contrast(colour, ground) for colour in look.series_colours) >= 3
    assert contrast(look.config()["text"]["color"], ground) >= 4.5


def test_narrow_pictures_fit_a_phone():
    assert LOOKS["narrow"].is_narrow
    assert LOOKS["narrow"].width <= 390 - 2 * 20
    assert not LOOKS["wide"].is_narrow
