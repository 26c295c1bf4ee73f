import re

import pytest

from ml.encoders.catalogue import KNOWN, known_languages
from ml.encoders.sentence_encoder import BUNDLED_NAME, BUNDLED_SHA256


@pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)
def test_everything_is_pinned(known):
    assert re.fullmatch("[0-9a-f]{64}", known.weights_sha256)
    assert all(re.fullmatch("[0-9a-f]{64}", package.sha256) for package in known.packages)
    assert known.download_size <= known.size
    assert "en" in known.languages


def test_packaged_encoder_is_the_one_without_packages():
    (packaged,) = (each for each in KNOWN.values() if not each.packages)
    assert (packaged.title, packaged.weights_sha256) == (BUNDLED_NAME, BUNDLED_SHA256)


def test_only_the_multilingual_one_reads_french():
    assert [key for key, known in KNOWN.items() if "fr" in known.languages] == ["e5-multilingual"]
    assert "fr" in known_languages("intfloat/multilingual-e5-small")
