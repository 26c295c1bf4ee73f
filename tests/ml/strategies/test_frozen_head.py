import pytest

from ml.dataset.contrast_groups import stack_arms
from ml.errors import EncoderError
from ml.strategies.frozen_head import FrozenHead
from tests.ml.factories import (
    HashEncoder,
    groups_of,
    learnable_rows,
)


@pytest.fixture(scope="module")
def arms():
    return stack_arms(groups_of(*learnable_rows()))


def test_head_refuses_another_encoder(arms):
    parts = FrozenHead(encoder=HashEncoder(seed=1)).fit(arms).parts()
    with pytest.raises(EncoderError, match="encoder 'hash': not the one the predictor was trained"):
        FrozenHead(encoder=HashEncoder(seed=2)).restore(parts)
