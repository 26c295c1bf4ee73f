import logging

import numpy as np
from safetensors.numpy import load_file, save_file

from ml.history.archived_test import ArchivedTest
from ml.search.index_file import index_path, read_index, read_stamp, write_index
from ml.search.meaning_index import build_index
from tests.ml.factories import HashEncoder


def an_index():
    rows = [
        ArchivedTest(test=2**40, site=3, texts=("Réserver ma place", "Go")),
        ArchivedTest(test=5, site=4, texts=("Go",)),
    ]
    return build_index(rows, HashEncoder(), stamp="of today")


def test_stored_index_is_the_same_to_two_bytes_a_number(tmp_path):
    path, index = tmp_path / "new" / "i.safetensors", an_index()
    write_index(path, index)
    stored = read_index(path)
    assert (stored.fingerprint, stored.stamp, stored.texts) == (
        HashEncoder().fingerprint,
        "of today",
        ("Réserver ma place", "Go"),
    )
    np.testing.assert_allclose(stored.vectors, index.vectors, atol=1e-3)
    assert stored.vectors.dtype == stored.unrelated.dtype == np.float32
    np.testing.assert_allclose(stored.unrelated, index.unrelated, atol=1e-3)
    np.testing.assert_array_equal(stored.unrelated_best, index.unrelated_best)
    assert (stored.tests.tolist(), stored.sites.tolist()) == ([2**40, 2**40, 5], [3, 3, 4])
    assert stored.text_at.tolist() == [0, 1, 1]
    assert read_stamp(path) == "of today"


def test_empty_index_is_stored(tmp_path):
    path = tmp_path / "i.safetensors"
    write_index(path, build_index([], HashEncoder(), stamp="s"))
    assert read_index(path).texts == ()


def test_absent_file_is_no_index(tmp_path, caplog):
    assert read_index(tmp_path / "none") is None
    assert read_stamp(tmp_path / "none") is None
    assert caplog.text == ""


def test_damaged_file_is_no_index_and_is_named(tmp_path, caplog):
    path = tmp_path / "i.safetensors"
    write_index(path, an_index())
    path.write_bytes(path.read_bytes()[:-7])
    with caplog.at_level(logging.WARNING, logger="ml.search.index_file"):
        assert read_index(path) is None
        assert read_stamp(path) is None
    assert "is damaged and is made anew" in caplog.text


def test_each_encoder_has_a_file_of_its_own(tmp_path):
    assert index_path(tmp_path, "a" * 64) != index_path(tmp_path, "b" * 64)


def test_file_of_a_version_without_unrelated_texts_is_made_anew(tmp_path):
    path = tmp_path / "i.safetensors"
    write_index(path, an_index())
    old = {name: value for name, value in load_file(path).items() if "unrelated" not in name}
    save_file(old, path, metadata={"fingerprint": "f", "stamp": "of today"})
    assert read_stamp(path) is None
    assert read_index(path) is None
