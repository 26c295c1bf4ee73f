"""Transfer settings compared: inductive, transductive, unsupervised."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import (
    Arms,
    ContrastGroup,
    build_groups,
    center_in_group,
    stack_arms,
)
from ml.dataset.pairs import pair_arms
from ml.dataset.targets import centered_targets, evidence_weights
from ml.dataset.training_dataset import training_dataset
from ml.encoders.base import Encoder
from ml.errors import TooLittleHistoryError
from ml.evaluation.cross_validation import cross_validate, make_folds
from ml.evaluation.metrics import Predictions, group_sums, summarise
from ml.history.row import HistoryRow
from ml.scoring.calibration import fit_slope
from ml.scoring.manifest import MetricsRecord, SourceRecord
from ml.strategies.base import Strategy
from ml.strategies.frozen_head import FrozenHead
from ml.strategies.instance_transfer import WithSource
from ml.strategies.ridge import fit_ridge
from ml.training.candidate_trials import N_FOLDS, refuse_too_little
from ml.training.domain_similarity import align_covariance
from ml.training.transfer_source import Source, prepare_source

Adapt = Callable[[Sequence[str]], Encoder]


class TransferComparison(TypedDict):
    """Metrics of each setting on the target's tests, with the record of the source."""

    source: SourceRecord
    target_groups: int
    settings: dict[str, MetricsRecord]


def compare_settings(
    source_rows: Iterable[HistoryRow],
    target_rows: Iterable[HistoryRow],
    encoder: Encoder,
    *,
    seed: int,
    adapt: Adapt | None = None,
) -> TransferComparison:
    """Return how each way to use a labelled source does on a target.

    Inductive: target labels train, alone or with the source, cross-validated. Transductive: source
    labels train; of the target only the texts are used, to weight or to align the source.
    Unsupervised: the encoder is adapted to the target's texts without any label before the source
    trains. The target's labels judge, always.

    Args:
        source_rows: Labelled source tests.
        target_rows: Labelled target tests; doubtful ones are left out.
        encoder: Pretrained encoder with a cache.
        seed: Seed of splits and draws, >= 0.
        adapt: Makes an encoder adapted to texts; None leaves the unsupervised setting out.

    Returns:
        `source` as `prepare_source` records it, `target_groups`, and the metrics of each of
        `settings`.

    Raises:
        TooLittleHistoryError: If a side has too few tests.
    """
    target = training_dataset(build_groups(target_rows))
    refuse_too_little(target)
    source = prepare_source(source_rows, target, encoder, rng=np.random.default_rng(seed))
    if source is None:
        raise TooLittleHistoryError("groups", 0, 1)
    plain = FrozenHead(encoder=encoder)
    weighted = WithSource(inner=plain, source=source.arms, trust=source.ratios)
    arms = target.arms
    scores = {
        "inductive_target": _cross_validated_scores(plain, target.groups, seed),
        "inductive_weighted": _cross_validated_scores(weighted, target.groups, seed),
        "transductive_plain": plain.fit(source.arms).score(arms.texts),
        "transductive_weighted": _weighted_scores(plain, source, arms),
        "transductive_aligned": _aligned_scores(encoder, source, arms),
    }
    if adapt is not None:
        adapted = FrozenHead(encoder=adapt(arms.texts))
        scores["unsupervised_adapted"] = adapted.fit(source.arms).score(arms.texts)
    rng = np.random.default_rng(seed)
    return {
        "source": source.record,
        "target_groups": len(target.groups),
        "settings": {name: _metrics(arms, each, rng) for name, each in scores.items()},
    }


def _cross_validated_scores(
    strategy: Strategy, groups: Sequence[ContrastGroup], seed: int
) -> NDArray[np.float64]:
    folds = make_folds(groups, N_FOLDS, rng=np.random.default_rng(seed))
    return cross_validate(strategy, folds).predictions.scores


def _weighted_scores(strategy: Strategy, source: Source, arms: Arms) -> NDArray[np.float64]:
    trained = stack_arms(source.groups)
    weighted = Arms(
        texts=trained.texts,
        group=trained.group,
        visitors=trained.visitors,
        clicks=trained.clicks,
        trust=source.ratios,
    )
    return strategy.fit(weighted).score(arms.texts)


def _aligned_scores(encoder: Encoder, source: Source, arms: Arms) -> NDArray[np.float64]:
    """Return scores of a head on source vectors that were given the target's covariance."""
    centred = center_in_group(
        encoder.encode(source.arms.texts).astype(np.float64), source.arms.group
    )
    vectors = encoder.encode(arms.texts).astype(np.float64)
    head = fit_ridge(
        centred @ align_covariance(centred, center_in_group(vectors, arms.group)),
        centered_targets(source.arms),
        evidence=evidence_weights(source.arms),
        group=source.arms.group,
    )
    return np.asarray(vectors @ head.weights)


def _metrics(arms: Arms, scores: NDArray[np.float64], rng: np.random.Generator) -> MetricsRecord:
    """Return the metrics of scores; the slope is the target's own, the same favour for all."""
    pairs = pair_arms(arms)
    gap = scores[pairs.first] - scores[pairs.second]
    predictions = Predictions(
        arms=arms, pairs=pairs, scores=scores, logit=gap * fit_slope(gap, pairs.first_won)
    )
    return summarise(group_sums(predictions), rng=rng).record()
