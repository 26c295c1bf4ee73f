from dataclasses import replace

import numpy as np
import pytest

from ml.dataset.contrast_groups import stack_arms
from ml.encoders.devices import has_fast_bfloat16
from ml.encoders.sentence_encoder import load_encoder
from ml.errors import FitError
from ml.fine_tuning.multi_process import TuningPlan, tune_network, tune_together
from ml.fine_tuning.training_loop import TuningSettings, prepare_training_data
from ml.fine_tuning.transformer_layers import lower_states, shortened, trainable_layers
from ml.strategies.fine_tuned import FineTuned, read_out
from tests.ml.conftest import TINY_ENCODER
from tests.ml.factories import groups_of, learnable_rows

SETTINGS = TuningSettings(
    epochs=2, dropout=0.0, body_rate=1e-2, head_rate=1e-2, watched=1 / 3, withheld=True
)
# The order of sums differs. A number in bfloat16, where a processor is fast with it, has 8 bits:
# the means, up to 1, are then off by a few times 1/512.
ROUNDING = 0.01 if has_fast_bfloat16("cpu") else 0.005


@pytest.fixture(scope="module")
def encoder():
    return load_encoder(str(TINY_ENCODER))


@pytest.fixture(scope="module")
def training_data(encoder):
    arms = stack_arms(groups_of(*learnable_rows(100)))
    states = lower_states(
        encoder, shortened(encoder.network, 1, n_shared=0), arms.texts, n_frozen=0
    )
    return prepare_training_data(arms, states, settings=SETTINGS, seed=3)


def means_of(network, training_data):
    return read_out(trainable_layers(network, 0), training_data.states)


@pytest.mark.slow
def test_two_processes_train_what_one_does(encoder, training_data):
    plan = TuningPlan(settings=SETTINGS, n_frozen=0)
    alone, both = (shortened(encoder.network, 1, n_shared=0) for _ in range(2))
    before, start, told = means_of(alone, training_data), np.ones(8), []
    one = tune_network(alone, start, training_data, plan=plan)
    two = tune_together(both, start, training_data, plan=plan, n_processes=2, progress=told.append)
    means = means_of(alone, training_data)
    assert np.abs(means - before).max() > 0.03
    np.testing.assert_allclose(means_of(both, training_data), means, atol=ROUNDING)
    np.testing.assert_allclose(two.head, one.head, atol=0.02 * np.abs(one.head - start).max())
    assert (two.trace.kept, two.trace.taken) == (one.trace.kept, one.trace.taken)
    assert two.trace.loss == pytest.approx(one.trace.loss, abs=0.01)
    assert told == sorted(told)
    assert told[-1] == 1


@pytest.mark.slow
def test_processes_stop_when_nobody_wants_the_result_any_more(encoder, training_data):
    def refuse(_):
        raise InterruptedError("nobody waits")

    plan = TuningPlan(settings=replace(SETTINGS, epochs=10_000), n_frozen=0)
    network = shortened(encoder.network, 1, n_shared=0)
    with pytest.raises(InterruptedError, match="nobody waits"):
        tune_together(network, np.ones(8), training_data, plan=plan, n_processes=2, progress=refuse)


@pytest.mark.slow
def test_what_made_the_processes_fail_is_named(encoder, training_data):
    # A head that is too long for the network.
    plan = TuningPlan(settings=SETTINGS, n_frozen=0)
    network = shortened(encoder.network, 1, n_shared=0)
    with pytest.raises(FitError, match="2 processes: "):
        tune_together(network, np.ones(9), training_data, plan=plan, n_processes=2)


@pytest.mark.slow
def test_adapters_trained_by_two_processes_say_the_same(encoder):
    arms = stack_arms(groups_of(*learnable_rows(24)))
    one, two = (
        FineTuned(
            encoder=encoder, settings=SETTINGS, seeds=(0,), adapter_rank=2, n_processes=n
        ).fit(arms)
        for n in (1, 2)
    )
    scores = one.score(arms.texts)
    np.testing.assert_allclose(two.score(arms.texts), scores, atol=0.02 * np.ptp(scores))
