import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.legibility import contrast_ratio, is_one_sign, text_direction

colours = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    # WebAIM's contrast checker.
    [("#0000ff", "#ffffff", 8.59), ("#ff0000", "#ffffff", 3.99), ("#ffff00", "#ffffff", 1.07)],
)
def test_contrast_is_that_of_the_guidelines(one, other, ratio):
    assert contrast_ratio(one, other) == pytest.approx(ratio, abs=0.01)


@given(colours, colours)
def test_contrast_lies_between_1_and_21_whatever_the_order(one, other):
    assert 1 <= contrast_ratio(one, other) == contrast_ratio(other, one) <= 21


@pytest.mark.parametrize("colour", ["", "ffffff0", "#fff", "#fffffff", "#gggggg"])
def test_contrast_refuses_what_is_no_colour(colour):
    with pytest.raises(ValueError, match=r"#rrggbb|invalid literal"):
        contrast_ratio("#ffffff", colour)


@pytest.mark.parametrize("locale", ["ar", "fa-IR", "he", "ur-PK", "az-Arab", "pa-Arab-PK", "AR-eg"])
def test_language_is_written_from_right_to_left(locale):
    assert text_direction(locale) == "rtl"


@pytest.mark.parametrize("locale", ["en", "fr-CA", "ja", "ar-Latn", "arn", "", "zh-Hant-TW"])
def test_language_is_written_from_left_to_right(locale):
    assert text_direction(locale) == "ltr"


@pytest.mark.parametrize(
    "text", ["→", "★", "✓", "+", "€", "❤️", "👍🏽", "👩‍💻", "🏳️‍🌈", "🇫🇷", "1️⃣", "🫨"]
)
def test_one_sign_is_one_whatever_it_is_made_of(text):
    assert is_one_sign(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "a", "1", "Go", "→→", "→ ", "★a", "👍👍", "🇫🇷🇧🇪", "\u200d", "👍\u200d", "\ufe0f"],
)
def test_words_and_several_signs_are_not_one(text):
    assert not is_one_sign(text)
