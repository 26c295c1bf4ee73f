import onnx
import pytest
import torch  # noqa: TID253 - a layer to compare with

from ml.encoders import int8_export
from ml.encoders.int8_export import NoFastCopyError, export_int8
from ml.encoders.sentence_encoder import load_encoder

TEXTS = ["Découvrir", "Get my free guide now", "Start your 30-day trial", "Buy 🎉", "word " * 400]


@pytest.mark.slow
def test_copy_of_the_packaged_encoder_says_nearly_the_same(tmp_path):
    encoder = load_encoder("")
    copy = export_int8(encoder, folder=tmp_path)
    for whole, short in ((encoder, copy), (encoder.layers, copy.layers)):
        cosine = (short.encode(TEXTS) * whole.encode(TEXTS)).sum(axis=1)
        # Deeper than the tiny one, it loses more in eight bits.
        assert cosine == pytest.approx(1.0, abs=0.02)


def test_quick_layer_norm_is_the_usual_one():
    usual = torch.nn.Sequential(torch.nn.Linear(7, 12), torch.nn.LayerNorm(12))
    torch.nn.init.normal_(usual[1].weight)
    torch.nn.init.normal_(usual[1].bias)
    states = torch.randn(2, 5, 7)
    with torch.no_grad():
        assert torch.allclose(int8_export._quick(usual)(states), usual(states), atol=1e-5)
        assert isinstance(usual[1], torch.nn.LayerNorm)


def test_quick_layer_norm_of_equal_numbers_is_its_bias():
    norm = torch.nn.Sequential(torch.nn.LayerNorm(4))
    torch.nn.init.constant_(norm[0].bias, 0.5)
    said = int8_export._quick(norm)(torch.full((1, 4), 3.0))
    assert said.tolist() == [pytest.approx([0.5] * 4)]


def test_what_follows_the_activation_function_keeps_its_weights(tiny_copy):
    graph = onnx.load(str(tiny_copy / "encoder-int8.onnx")).graph
    kept = {
        tuple(weights.dims)
        for weights in graph.initializer
        if weights.data_type == onnx.TensorProto.FLOAT and len(weights.dims) == 2
    }
    eight_bits = {
        tuple(weights.dims)
        for weights in graph.initializer
        if weights.data_type in {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
        and len(weights.dims) == 2
    }
    # The tiny encoder is 8 wide and 16 wide between.
    assert (16, 8) in kept
    assert (8, 16) in eight_bits
    assert (8, 8) in eight_bits


def test_tokenizer_without_a_fast_form_cannot_be_copied(tiny_encoder, monkeypatch, tmp_path):
    monkeypatch.setattr(type(tiny_encoder), "tokenizer", property(lambda _: object()))
    with pytest.raises(NoFastCopyError, match="no fast form"):
        export_int8(tiny_encoder, folder=tmp_path)
