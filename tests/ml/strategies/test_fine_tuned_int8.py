import numpy as np
import pytest

from ml.dataset.contrast_groups import stack_arms
from ml.errors import EncoderError
from ml.strategies.base import Parts
from ml.strategies.fine_tuned_int8 import TunedCopy
from tests.ml.factories import HashEncoder, groups_of, learnable_rows

COPY = HashEncoder(8)


def parts_of(encoder):
    return Parts(tensors={"head": np.arange(8.0)}, words={"encoder": encoder.fingerprint})


def test_score_is_the_head_on_the_means():
    means = COPY.encode(["free now"])[0]
    parts = parts_of(COPY)
    fitted = TunedCopy(encoder=COPY).restore(parts)
    assert fitted.score(["free now"]) == pytest.approx([sum(means * range(8))])
    assert fitted.parts() is parts


def test_copy_of_another_encoder_is_refused():
    with pytest.raises(EncoderError, match="not the one the predictor was trained on"):
        TunedCopy(encoder=COPY).restore(parts_of(HashEncoder(8, seed=2)))


def test_copy_cannot_be_trained():
    with pytest.raises(EncoderError, match="an int8 copy cannot be trained"):
        TunedCopy(encoder=COPY).fit(stack_arms(groups_of(*learnable_rows(4))))
