import pytest

from ml.language.locales import primary_tag


@pytest.mark.parametrize(
    ("locale", "language"),
    [("fr", "fr"), ("FR-CA", "fr"), ("pt_BR", "pt"), ("zh-Hant-TW", "zh"), ("", "")],
)
def test_language_of_a_locale_is_its_first_tag(locale, language):
    assert primary_tag(locale) == language
