import numpy as np
import pytest

from ml.dataset.contrast_groups import stack_arms
from ml.encoders.sentence_encoder import load_encoder
from ml.fine_tuning.domain_adaptation import adapt_encoder
from ml.strategies.fine_tuned import FineTuned
from tests.ml.conftest import TINY_ENCODER
from tests.ml.factories import groups_of, learnable_rows

NEW = ["free unseen", "submit unseen", "découvrir"]


@pytest.fixture(scope="module")
def arms():
    return stack_arms(groups_of(*learnable_rows(24)))


def test_encoder_whose_layers_were_shared_can_be_adapted_as_ever(arms):
    fresh, used = (load_encoder(str(TINY_ENCODER)) for _ in range(2))
    FineTuned(encoder=used, seeds=(0,), adapter_rank=2).fit(arms)
    vectors = [adapt_encoder(each, arms.texts, seed=1).encode(NEW) for each in (fresh, used)]
    np.testing.assert_array_equal(*vectors)


def test_adaptation_changes_vectors_and_not_the_encoder():
    encoder = load_encoder(str(TINY_ENCODER))
    texts = stack_arms(groups_of(*learnable_rows(20))).texts
    before = encoder.encode(texts)
    adapted = adapt_encoder(encoder, texts, seed=1)
    assert abs(adapted.encode(texts) - before).max() > 1e-4
    assert (encoder.encode(texts) == before).all()
    assert adapted.fingerprint != encoder.fingerprint
    again = adapt_encoder(encoder, texts, seed=1)
    assert (again.encode(texts[:3]) == adapted.encode(texts[:3])).all()


def test_adaptation_needs_two_texts():
    with pytest.raises(ValueError, match="texts: 1 different ones"):
        adapt_encoder(load_encoder(str(TINY_ENCODER)), ["Go", "Go"], seed=1)
