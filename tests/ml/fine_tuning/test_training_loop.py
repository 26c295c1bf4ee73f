from dataclasses import replace

import numpy as np
import pytest
import torch  # noqa: TID253 - compares weights

from ml.dataset.contrast_groups import stack_arms
from ml.encoders.sentence_encoder import load_encoder
from ml.fine_tuning.training_loop import (
    Learner,
    TrainingData,
    TuningSettings,
    prepare_training_data,
)
from ml.fine_tuning.transformer_layers import States, shortened
from tests.ml.conftest import TINY_ENCODER
from tests.ml.factories import groups_of, learnable_rows


@pytest.fixture(scope="module")
def encoder():
    return load_encoder(str(TINY_ENCODER))


# A third of 120 tests watches.
WATCHED = TuningSettings(watched=1 / 3, withheld=True, looks=2, patience=2, epochs=6, dropout=0.0)


@pytest.fixture(scope="module")
def many():
    return stack_arms(groups_of(*learnable_rows(120)))


def test_every_network_watches_other_tests(encoder, many):
    settings = replace(WATCHED, epochs=1)
    states = States(rows=())
    first, second = (
        prepare_training_data(many, states, settings=settings, seed=seed).watched for seed in (0, 1)
    )
    assert first.any()
    assert not (first & second).any()


def test_every_tensor_of_a_step_is_where_the_layers_are():
    # A device without memory: torch refuses to mix it with the processor, as it would a real one.
    # The encoder is this test's own: the embeddings, which are shared, move with the layers.
    short = shortened(load_encoder(str(TINY_ENCODER)).network, 1, n_shared=0).to("meta")
    training_data = TrainingData(
        states=States(rows=tuple(torch.zeros(3 + number % 4, 8) for number in range(20))),
        group=np.repeat(np.arange(10), 2),
        target=np.zeros(20),
        evidence=np.ones(20),
        watched=np.zeros(10, dtype=bool),
        taught=np.ones(10, dtype=bool),
        seed=0,
    )
    learner = Learner(short.encoder.layer, np.ones(8), training_data, settings=WATCHED, n_steps=1)
    learner.step(training_data.members(training_data.taught))
    assert {each.grad.device.type for each in learner.trained} == {"meta"}
