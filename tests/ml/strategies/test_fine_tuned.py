from dataclasses import replace

import numpy as np
import pytest
import torch  # noqa: TID253 - compares weights

from ml.dataset.contrast_groups import stack_arms
from ml.encoders.sentence_encoder import load_encoder
from ml.errors import EncoderError
from ml.fine_tuning.training_loop import (
    TuningSettings,
)
from ml.strategies.fine_tuned import FineTuned
from tests.ml.conftest import TINY_ENCODER
from tests.ml.factories import groups_of, learnable_rows

NEW = ["free unseen", "submit unseen", "découvrir"]


@pytest.fixture(scope="module")
def encoder():
    return load_encoder(str(TINY_ENCODER))


@pytest.fixture(scope="module")
def arms():
    return stack_arms(groups_of(*learnable_rows(24)))


@pytest.fixture(scope="module")
def tuned(encoder, arms):
    return FineTuned(encoder=encoder, seeds=(0, 1)).fit(arms)


def weights_of(encoder):
    return {name: each.clone() for name, each in encoder.network.state_dict().items()}


def test_tuning_fits_past_tests_better_than_the_probe(encoder, arms):
    def missed(epochs):
        settings = TuningSettings(epochs=epochs, body_rate=3e-3, head_rate=1e-2, dropout=0.0)
        scores = FineTuned(encoder=encoder, settings=settings).fit(arms).score(arms.texts)
        good = scores[::3].mean() - scores[2::3].mean()
        return -good

    assert missed(6) < missed(1)


def test_encoder_itself_is_not_changed(encoder, arms):
    before = weights_of(encoder)
    FineTuned(encoder=encoder).fit(arms)
    after = weights_of(encoder)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_layers_that_stay_are_there_once(encoder, tuned):
    assert tuned.network.embeddings is encoder.network.embeddings
    assert tuned.network.encoder.layer[0] is not encoder.network.encoder.layer[0]


def test_restored_networks_give_the_same_scores(encoder, tuned):
    restored = FineTuned(encoder=encoder).restore(tuned.parts())
    np.testing.assert_array_equal(restored.score(NEW), tuned.score(NEW))


def test_stored_layers_are_half_precision_and_no_embeddings(tuned):
    tensors = tuned.parts().tensors
    layers = {name: each for name, each in tensors.items() if name.startswith("layers.")}
    assert layers
    assert {each.dtype for each in layers.values()} == {np.dtype(np.float16)}
    assert not any("embeddings" in name for name in tensors)


def test_seeds_make_different_networks_whose_weights_are_averaged(encoder, arms, tuned):
    first, second = (FineTuned(encoder=encoder, seeds=(seed,)).fit(arms) for seed in (0, 1))
    assert not np.array_equal(first.score(NEW), second.score(NEW))
    tensors = [each.parts().tensors for each in (first, second, tuned)]
    for name in tensors[0]:
        one, other, mean = (np.asarray(each[name], dtype=np.float64) for each in tensors)
        np.testing.assert_allclose(mean, (one + other) / 2, atol=1e-3)
    np.testing.assert_allclose(tuned.head, (first.head + second.head) / 2)
    assert [trace.seed for trace in tuned.traces] == [0, 1]


def test_mean_of_weights_says_what_the_mean_of_scores_says(encoder, many):
    apart = [FineTuned(encoder=encoder, seeds=(seed,)).fit(many).score(NEW) for seed in (0, 1, 2)]
    soup = FineTuned(encoder=encoder, seeds=(0, 1, 2)).fit(many).score(NEW)
    spread = np.ptp(np.mean(apart, axis=0))
    np.testing.assert_allclose(soup, np.mean(apart, axis=0), atol=0.05 * spread)


def layers_of(fitted):
    return {
        name: np.asarray(values, dtype=np.float64)
        for name, values in fitted.parts().tensors.items()
    }


def test_share_of_the_pretrained_network_is_in_the_mean_of_the_weights(encoder, arms):
    plain = FineTuned(encoder=encoder, settings=TuningSettings(body_rate=3e-2))
    half = replace(plain, pretrained_share=0.5).fit(arms)
    start, end, mean = (layers_of(each) for each in (plain.fit_probe(arms), plain.fit(arms), half))
    for name in start:
        np.testing.assert_allclose(mean[name], (start[name] + end[name]) / 2, atol=2e-3)
    assert max(float(np.abs(end[name] - start[name]).max()) for name in start) > 2e-2
    assert [trace.seed for trace in half.traces] == [0, 1]


def test_probe_is_the_pretrained_network(encoder, arms):
    probe = FineTuned(encoder=encoder).fit_probe(arms)
    before = weights_of(encoder)
    (name,) = [each for each in before if each.endswith("layer.0.output.dense.weight")]
    trained = dict(probe.network.named_parameters())["encoder.layer.0.output.dense.weight"]
    assert torch.equal(trained, before[name])
    assert probe.traces == ()


def test_anchor_keeps_the_layers_near_their_start(encoder, arms):
    start = layers_of(FineTuned(encoder=encoder).fit_probe(arms))

    def moved(anchor):
        settings = TuningSettings(body_rate=3e-3, weight_decay=0.0, anchor=anchor, dropout=0.0)
        end = layers_of(FineTuned(encoder=encoder, seeds=(0,), settings=settings).fit(arms))
        return sum(
            float(np.square(end[name] - start[name]).sum()) for name in start if name != "head"
        )

    free, held = moved(0.0), moved(300.0)
    assert 0 < held < free / 4


def test_as_few_layers_are_trained_as_asked_for(encoder):
    plain, one = FineTuned(encoder=encoder), FineTuned(encoder=encoder, trained=1)
    assert one.n_frozen == one.depth - 1
    assert plain.n_frozen == plain.depth // 2
    assert FineTuned(encoder=encoder, trained=99).n_frozen == 0


def test_equal_seed_gives_equal_scores_and_leaves_the_generator_of_others_alone(encoder, arms):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    scores = [FineTuned(encoder=encoder).fit(arms).score(NEW) for _ in range(2)]
    assert torch.equal(torch.rand(1), expected)
    np.testing.assert_array_equal(*scores)


def test_score_of_a_text_does_not_depend_on_its_neighbours(tuned):
    together = tuned.score([*NEW, "a far longer wording that pads all the others in its batch"])
    apart = np.concatenate([tuned.score([text]) for text in NEW])
    np.testing.assert_allclose(together[:3], apart, atol=2e-3)


def test_representation_has_unit_rows(tuned):
    rows = tuned.represent(NEW)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    assert tuned.represent([]).shape == (0, 8)
    assert tuned.score([]).shape == (0,)


def test_networks_of_another_encoder_are_refused(encoder, tuned, monkeypatch):
    parts = tuned.parts()
    monkeypatch.setattr(type(encoder), "fingerprint", "f" * 64)
    with pytest.raises(EncoderError, match="not the one the predictor was trained on"):
        FineTuned(encoder=encoder).restore(parts)


@pytest.mark.parametrize("changes", [{"adapter_rank": 2}, {"starts_random": True}], ids=str)
def test_variants_learn_are_restored_and_leave_the_encoder_alone(encoder, arms, changes):
    before = weights_of(encoder)
    strategy = FineTuned(encoder=encoder, seeds=(0,), **changes)
    fitted = strategy.fit(arms)
    np.testing.assert_array_equal(strategy.restore(fitted.parts()).score(NEW), fitted.score(NEW))
    after = weights_of(encoder)
    assert set(before) == set(after)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not np.array_equal(fitted.score(NEW), FineTuned(encoder=encoder).fit(arms).score(NEW))


def test_adapters_are_merged_and_change_queries_and_values_only(encoder, arms):
    tensors = FineTuned(encoder=encoder, seeds=(0,), adapter_rank=2).fit(arms).parts().tensors
    layers = {name.removeprefix("layers."): each for name, each in tensors.items()}
    original = encoder.network.encoder.layer.state_dict()
    changed = {
        name
        for name, each in original.items()
        if not np.array_equal(layers[name], each.numpy().astype(np.float16))
    }
    assert changed
    assert all("query.weight" in name or "value.weight" in name for name in changed)


def test_only_a_pretrained_network_is_transfer(encoder):
    assert FineTuned(encoder=encoder).is_transfer
    assert not FineTuned(encoder=encoder, starts_random=True).is_transfer


# A third of 120 tests watches.
WATCHED = TuningSettings(watched=1 / 3, withheld=True, looks=2, patience=2, epochs=6, dropout=0.0)


@pytest.fixture(scope="module")
def many():
    return stack_arms(groups_of(*learnable_rows(120)))


def test_weights_with_the_lowest_loss_on_watched_tests_are_kept(encoder, many):
    settings = replace(WATCHED, body_rate=3e-3, head_rate=3e-2)
    (trace,) = FineTuned(encoder=encoder, settings=settings, seeds=(0,)).fit(many).traces
    assert trace.watched == 40
    assert 0 < trace.kept <= trace.taken <= trace.planned == 30
    assert trace.loss < trace.loss_before


def test_training_that_only_harms_stops_early_and_leaves_the_probe(encoder, many):
    ruined = replace(WATCHED, body_rate=10.0, head_rate=10.0, warm_up=0.01)
    (trace,) = FineTuned(encoder=encoder, settings=ruined, seeds=(0,)).fit(many).traces
    # Two looks an epoch of five steps: after three and after six.
    assert (trace.kept, trace.taken, trace.planned) == (0, 6, 30)
    assert trace.loss == trace.loss_before


def test_tests_that_only_guard_are_taught_as_well(encoder, many):
    guarded = replace(WATCHED, withheld=False, body_rate=1e-3)
    (trace,) = FineTuned(encoder=encoder, settings=guarded, seeds=(0,)).fit(many).traces
    # 120 tests are 8 steps of 16; without 40 of them they would be 5.
    assert (trace.watched, trace.withheld, trace.planned) == (40, False, 48)
    assert trace.kept == trace.taken == trace.planned
    assert trace.loss < trace.loss_before


def test_small_history_is_not_watched_and_trains_to_the_end(tuned):
    first = tuned.traces[0]
    assert (first.watched, first.loss, first.loss_before) == (0, None, None)
    assert first.kept == first.taken == first.planned


def test_courses_are_stored(encoder, tuned):
    restored = FineTuned(encoder=encoder).restore(tuned.parts())
    assert restored.traces == tuned.traces
    assert restored.parts().words == tuned.parts().words


def test_progress_of_a_fit_rises_to_the_end(encoder, arms):
    told = []
    FineTuned(encoder=encoder, seeds=(0, 1)).fit(arms, progress=told.append)
    assert told == sorted(told)
    assert len(told) > 4
    assert told[-1] == pytest.approx(1)
