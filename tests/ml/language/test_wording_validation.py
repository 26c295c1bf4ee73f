import pytest

from ml.language.wording_validation import MAX_CHARACTERS, wording_fault


@pytest.mark.parametrize(
    "text",
    [
        "Buy now",
        "J'en profite 🎉",
        "Save > 20 % & more",
        "3 < 5",
        "Découvrir…",
        "今すぐ購入",
        "Q&A",
        "Купить",
        "Купить iPhone",
        "👩\u200d💻 Code",
        "A" * MAX_CHARACTERS,
    ],
)
def test_wordings_people_use_are_accepted(text):
    assert wording_fault(text) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "empty"),
        (" \t\n", "empty"),
        ("x" * 10_000, "too_long"),
        ("<b>Buy</b>", "html"),
        ("Buy<br/>now", "html"),
        ("<script>alert(1)</script>", "html"),
        ("Buy&nbsp;now", "html"),
        ("Buy &#8594;", "html"),
        ("<!-- x --> Buy", "html"),
        ("Buy\x00now", "control_characters"),
        ("Buy \u202ewon", "control_characters"),
        ("\u0421lick here", "mixed_scripts"),  # a Cyrillic letter that looks like C
        ("🎉🎉", "no_words"),
        ("→", "no_words"),
    ],
)
def test_texts_that_are_no_wordings_are_named(text, fault):
    assert wording_fault(text) == fault
