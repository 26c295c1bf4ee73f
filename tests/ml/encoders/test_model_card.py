import pytest

from ml.encoders.model_card import CardHead, parse_card, read_card


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", CardHead()),
        ("# No head\nlicense: mit", CardHead()),
        ("---\nlicense: apache-2.0\n---\n", CardHead(licence="apache-2.0")),
        (
            '---\nlicense: "mit"\nlanguage: [en, fr]\n---',
            CardHead(licence="mit", languages=("en", "fr")),
        ),
        (
            "---\nlanguage:\n  - 'fr'\n  - multilingual\ntags:\n- de\n---",
            CardHead(languages=("fr",)),
        ),
    ],
)
def test_head_of_a_card(text, expected, tmp_path):
    assert parse_card(text) == expected
    (tmp_path / "README.md").write_text(text)
    assert read_card(tmp_path / "README.md") == expected
