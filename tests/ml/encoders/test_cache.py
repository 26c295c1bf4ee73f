import logging

import numpy as np

from ml.encoders.cache import CachedEncoder
from tests.ml.factories import HashEncoder

TEXTS = ["Go now", "Try it", "Go now", "Découvrir"]


def test_cached_vectors_are_the_encoders(tmp_path):
    cached = CachedEncoder(HashEncoder(), tmp_path)
    np.testing.assert_array_equal(cached.encode(TEXTS), HashEncoder().encode(TEXTS))
    assert cached.encode([]).shape == (0, 16)


def test_a_text_is_encoded_once_even_by_another_process(tmp_path):
    first, second = HashEncoder(), HashEncoder()
    CachedEncoder(first, tmp_path / "new" / "cache").encode(TEXTS)
    again = CachedEncoder(second, tmp_path / "new" / "cache").encode([*TEXTS, "More"])
    assert (first.encoded, second.encoded) == (["Go now", "Try it", "Découvrir"], ["More"])
    np.testing.assert_array_equal(again[:4], first.encode(TEXTS))


def test_another_encoder_has_a_cache_of_its_own(tmp_path):
    CachedEncoder(HashEncoder(seed=1 << 250), tmp_path).encode(TEXTS)
    other = HashEncoder(seed=2 << 250)
    CachedEncoder(other, tmp_path).encode(TEXTS)
    assert len(other.encoded) == 3


def test_damaged_cache_is_made_anew(tmp_path, caplog):
    CachedEncoder(HashEncoder(), tmp_path).encode(TEXTS)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-7])
    with caplog.at_level(logging.WARNING, logger="ml.encoders.cache"):
        vectors = CachedEncoder(HashEncoder(), tmp_path).encode(TEXTS)
    np.testing.assert_array_equal(vectors, HashEncoder().encode(TEXTS))
    assert "is damaged and is made anew" in caplog.text


def test_cache_tells_progress():
    told = []
    CachedEncoder(HashEncoder(), None).encode(TEXTS, progress=told.append)
    assert told == [1.0]
