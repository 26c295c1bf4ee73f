import pytest
import torch  # noqa: TID253 - compares weights

from ml.dataset.contrast_groups import stack_arms
from ml.encoders.cache import CachedEncoder
from ml.encoders.sentence_encoder import load_encoder
from ml.fine_tuning import transformer_layers
from ml.fine_tuning.transformer_layers import shortened, tunable
from ml.strategies.fine_tuned import FineTuned
from tests.ml.conftest import TINY_ENCODER
from tests.ml.factories import HashEncoder, arm_row, groups_of


@pytest.fixture(scope="module")
def encoder():
    return load_encoder(str(TINY_ENCODER))


def test_texts_are_read_in_shapes_that_occur_again_and_again(encoder, monkeypatch):
    shapes = set()
    read = transformer_layers.run_layers
    texts = [" ".join(["free"] * (1 + number % 9)) for number in range(70)]
    rows = [arm_row(f"t{number // 2}", text, 900, 50) for number, text in enumerate(texts)]

    def noted(layers, state, mask):
        if torch.is_grad_enabled():
            shapes.add(tuple(state.shape[:2]))
        return read(layers, state, mask)

    monkeypatch.setattr(transformer_layers, "run_layers", noted)
    FineTuned(encoder=encoder, seeds=(0,)).fit(stack_arms(groups_of(*rows)))
    assert {n_texts for n_texts, _ in shapes} == {16}
    assert {n_tokens % 4 for _, n_tokens in shapes} == {0}


def test_encoder_behind_a_cache_is_found_and_others_are_not_tunable(encoder):
    assert tunable(CachedEncoder(encoder, None)) is encoder
    assert tunable(HashEncoder()) is None


@pytest.mark.parametrize("depth", [0, 2])
def test_depth_that_is_not_there_is_refused(encoder, depth):
    with pytest.raises(ValueError, match=f"depth: {depth} is not from 1 to 1"):
        shortened(encoder.network, depth, n_shared=0)
