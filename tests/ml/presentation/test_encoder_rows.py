import pytest

from ml.encoders.catalogue import KNOWN
from ml.encoders.installed import InstalledEncoder
from ml.presentation.encoder_rows import REMARKS, absent_row, encoder_row, languages_in_words

ABOUT = InstalledEncoder(
    key="own",
    title="Own",
    source="folder",
    licence="MIT",
    languages=("en",),
    size=1_234_567_890,
    fingerprint="0" * 64,
)


def row_of(*, is_packaged=False, predictors=(), is_active=False):
    return encoder_row(ABOUT, is_packaged=is_packaged, predictors=predictors, is_active=is_active)


def test_every_encoder_of_the_catalogue_has_a_remark():
    assert set(REMARKS) == set(KNOWN)


def test_what_is_fetched_and_what_it_takes_are_given_in_megabytes():
    row = absent_row(KNOWN["e5-multilingual"])
    assert (row.fetched, row.size) == ("91\N{NO-BREAK SPACE}MB", "272\N{NO-BREAK SPACE}MB")


def test_predictors_that_need_an_encoder_are_named():
    assert row_of().use == ""
    assert row_of(predictors=(7,)).use == "Predictor 7"
    row = row_of(predictors=(7, 3), is_active=True)
    assert (row.use, row.is_active) == ("Predictors 7, 3", True)


def test_packaged_encoder_has_no_command():
    assert row_of(is_packaged=True).command == ""
    assert row_of().command == "python manage.py remove_encoder own"


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ((), "not stated"),
        (("en",), "English"),
        (("de", "fr", "en"), "English, French, de"),
        (("de", "es", "fr", "it", "pt"), "French, 4 more"),
        (("de", "es", "it", "nl", "pt"), "5 languages"),
    ],
)
def test_languages_are_named_or_counted(tags, words):
    assert languages_in_words(tags) == words
