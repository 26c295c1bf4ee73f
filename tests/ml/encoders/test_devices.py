import pytest
import torch  # noqa: TID253 - asks what torch would do

from ml.encoders import devices
from ml.encoders.sentence_encoder import load_encoder
from tests.ml.conftest import TINY_ENCODER


@pytest.mark.parametrize(("is_there", "expected"), [(True, "cuda"), (False, "cpu")])
def test_graphics_card_is_used_when_there_is_one(monkeypatch, is_there, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: is_there)
    assert devices.best_device() == torch.device(expected)


@pytest.mark.parametrize("is_fast", [True, False])
def test_bfloat16_is_asked_of_the_device_itself(monkeypatch, is_fast):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: is_fast)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: not is_fast)
    assert devices.has_fast_bfloat16("cuda") is is_fast
    assert devices.has_fast_bfloat16("cpu") is not is_fast


@pytest.mark.parametrize(("is_fast", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_matrices_are_multiplied_in_bfloat16_where_that_is_fast(monkeypatch, is_fast, dtype):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: is_fast)
    with devices.fast_arithmetic(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_encoder_is_loaded_to_the_device_that_is_named():
    encoder = load_encoder(str(TINY_ENCODER), device=torch.device("meta"))
    assert encoder.network.device.type == "meta"
