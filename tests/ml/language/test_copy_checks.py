import pytest

from ml.language.copy_checks import (
    Appearance,
    count_syllables,
    inspect_look,
    inspect_position,
    inspect_wording,
    reading_ease,
)


def findings(text, locale="fr", form="button"):
    return {each.code: each.level for each in inspect_wording(text, locale=locale, form=form)}


def look(**changes):
    values = {
        "contrast": 6.7,
        "font_px": 16,
        "is_bold": False,
        "width_px": 120,
        "height_px": 36,
        "is_inline": False,
    }
    return Appearance(**(values | changes))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Télécharger le guide", "verb_infinitive"),
        ("Je télécharge le guide", "verb_first_person"),
        ("Téléchargez le guide", "verb_imperative"),
        ("Télécharge le guide", "verb_imperative_familiar"),
        ("Le guide", "verb_missing"),
    ],
)
def test_french_verb_form_is_told(text, code):
    assert code in findings(text)


def test_button_that_says_nothing_is_told():
    assert findings("Valider")["vague"] == "advice"
    assert findings("Click here!", "en")["vague"] == "advice"


@pytest.mark.parametrize(
    ("text", "locale", "words"),
    [
        ("Click here!", "en", "click here"),
        ("To get the guide, CLICK the link", "en", "click the"),
        ("Tap here for my quote", "en", "tap here"),
        ("Cliquez ici", "fr", "cliquez"),
        ("Je clique pour recevoir le guide", "fr-CA", "clique"),
        ("Appuyez sur le bouton", "fr", "appuyez sur"),
    ],
)
def test_gesture_is_advised_against(text, locale, words):
    (found,) = (one for one in inspect_wording(text, locale=locale) if one.code == "clicking")
    assert (found.check, found.level, found.params) == ("meaning", "advice", {"words": words})


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("Get my guide", "en"),
        ("Download the press kit", "en"),
        ("Order in one click", "en"),
        ("Commander en un clic", "fr"),
        ("Recevoir mon guide", "fr"),
        ("Toucher ma prime", "fr"),
        ("Appuyer ma demande", "fr"),
    ],
)
def test_words_for_what_one_gets_are_no_gesture(text, locale):
    assert "clicking" not in findings(text, locale)


@pytest.mark.parametrize(("form", "level"), [("button", "advice"), ("link", "good")])
def test_length_depends_on_the_form(form, level):
    found = findings("Get the whole guide by e-mail today", "en", form)
    assert found["length_long" if level == "advice" else "length_good"] == level


def test_letters_that_mislead_or_shout_are_told():
    assert findings(f"Go {chr(0x441)}lick", "en")["mixed_scripts"] == "fault"
    assert {"all_capitals", "many_marks", "emoji"} <= set(findings("BUY IT NOW!! 🎉", "en"))
    assert not {"all_capitals", "many_marks", "emoji"} & set(findings("OK", "en"))


def test_language_without_a_lexicon_is_said_to_be_unknown():
    assert findings("Jetzt anmelden", "de") == {
        "length_good": "good",
        "language_unknown": "unknown",
    }


def test_long_sentence_gets_an_ease_and_a_short_label_none():
    easy = "See what you can save on your bill this month."
    hard = (
        "Considerable institutional modernisation necessitates comprehensive administrative study."
    )
    assert "reading_easy" in findings(easy, "en")
    assert "reading_hard" in findings(hard, "en")
    assert "reading_short" in findings("Get it", "en")


# Flesch's own anchor: one-syllable words in sentences of two words score near the top.
def test_reading_ease_has_the_published_coefficients():
    assert reading_ease("Go now.", "en") == pytest.approx(206.835 - 1.015 * 2 - 84.6)
    assert reading_ease("Le chat.", "fr") == pytest.approx(207 - 1.015 * 2 - 73.6)


def test_reading_ease_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no word"):
        reading_ease("42", "en")


def test_syllables_of_french_are_french():
    assert [count_syllables(word, "fr") for word in ("découvrir", "gratuit", "je")] == [3, 2, 1]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"contrast": 4.49}, "contrast_low"),
        (
            {"contrast": 4.49, "font_px": 24},
            "contrast_good",
        ),
        (
            {
                "contrast": 4.49,
                "font_px": 19,
                "is_bold": True,
            },
            "contrast_good",
        ),
    ],
    ids=["normal", "large", "bold"],
)
def test_contrast_needed_depends_on_the_size(changes, code):
    assert inspect_look(look(**changes))[0].code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"height_px": 23.9}, "target_small"),
        ({"height_px": 24}, "target_aa"),
        ({"height_px": 44}, "target_aaa"),
        ({"height_px": 60, "width_px": 20}, "target_small"),
        ({"height_px": None, "width_px": None}, "target_unknown"),
        ({"height_px": 10, "is_inline": True}, "target_inline"),
    ],
)
def test_target_is_judged_by_its_shorter_side(changes, code):
    assert inspect_look(look(**changes))[1].code == code


@pytest.mark.parametrize(
    ("position", "code"),
    [("above_fold", "fold_above"), ("footer", "fold_below"), ("", "fold_unknown")],
)
def test_position_is_told(position, code):
    assert inspect_position(position).code == code
