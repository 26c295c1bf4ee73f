import numpy as np
import pytest

from ml.dataset.groups import stack_arms
from ml.embedding import EncoderError
from ml.strategies.contract import Parts
from ml.strategies.tuned_copy import TunedCopy
from tests.ml.factories import HashEncoder, groups_of, learnable_rows

# Two networks of width 4, side by side.
COPY = HashEncoder(8)


def parts_of(encoder):
    heads = {"0.head": np.arange(4.0), "1.head": np.ones(4)}
    return Parts(tensors=heads, words={"encoder": encoder.fingerprint, "members": 2})


def test_score_is_the_mean_over_the_networks():
    means = COPY.encode(["free now"])[0]
    expected = (means[:4] @ np.arange(4.0) + means[4:].sum()) / 2
    fitted = TunedCopy(encoder=COPY).restore(parts_of(COPY))
    assert fitted.score(["free now"]) == pytest.approx([expected])


def test_copy_of_another_encoder_is_refused():
    with pytest.raises(EncoderError, match="not the one the predictor was trained on"):
        TunedCopy(encoder=COPY).restore(parts_of(HashEncoder(8, seed=2)))


def test_copy_cannot_be_trained():
    with pytest.raises(EncoderError, match="an int8 copy cannot be trained"):
        TunedCopy(encoder=COPY).fit(stack_arms(groups_of(*learnable_rows(4))))
