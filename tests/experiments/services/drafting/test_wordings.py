import pytest

from experiments.services.drafting.wordings import read_wordings


def read(control="Sign up", **typed):
    return read_wordings(typed, control={"en": control})


def test_line_of_every_language_is_one_arm():
    found = read(en=" Start \r\nTry it\n\n", fr="Commencer\nEssayer")
    assert found.arms == (
        {"en": "Start", "fr": "Commencer"},
        {"en": "Try it", "fr": "Essayer"},
    )
    assert not any(found.faults.values())
    assert found.gaps() == []


def test_empty_line_between_others_is_a_missing_text():
    found = read(en="Start\nTry it\nGo", fr="Commencer\n\nAllez")
    assert found.gaps() == [(2, "fr")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n".join(map(str, range(300))), "300 lines"),
        ("x" * 201, "Longer than 200 characters"),
        ("<b>Go</b>", "HTML"),
        ("Go <!-- x", "HTML"),
        ("Go\nGo", "there twice"),
        ("Sign up", "there twice"),
    ],
)
def test_fault_is_of_its_language(text, said):
    found = read(en=text, fr="Commencer")
    assert said in found.faults["en"][0]
    assert found.faults["fr"] == ()


def test_less_than_is_no_html():
    assert read(en="Ready in < 2 minutes", fr="Vite").faults["en"] == ()
