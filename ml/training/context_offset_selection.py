"""Selection of the context offsets that improve held-out predictions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import center_in_group
from ml.dataset.targets import centered_targets, evidence_weights
from ml.evaluation.bootstrap import GroupSums, Totals, estimate, resample, total
from ml.evaluation.cross_validation import Folds, cross_fitted_slopes
from ml.evaluation.metrics import Predictions, group_sums, mean_log_loss
from ml.evaluation.promotion_gate import Candidate, GateVerdict, decide
from ml.scoring.calibration import Calibration, fit_calibration
from ml.scoring.context import FACTORS, Factor, context_of
from ml.scoring.context_offsets import (
    EVERYBODY,
    MIN_LEVEL_GROUPS,
    ContextOffset,
    Features,
    fit_context_offset,
    plain_features,
)
from ml.scoring.manifest import EstimateRecord, FactorRecord, LevelRecord, SelectionRecord
from ml.training.candidate_trials import HeldOutPredictions, average_calibration, average_sums


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetSelection:
    """Outcome of the selection of offsets.

    Args:
        offsets: Those that passed the gate by factor, fitted on all groups.
        held: Held-out predictions with them, one for each repeat.
        sums: The same as sums by group, averaged over the repeats.
        calibration: Fitted on them.
        record: For the manifest: a verdict a factor, and how each level does.
    """

    offsets: Mapping[Factor, ContextOffset]
    held: tuple[HeldOutPredictions, ...]
    sums: GroupSums
    calibration: Calibration
    record: SelectionRecord


def select_offsets(
    held: Sequence[HeldOutPredictions],
    sums: GroupSums,
    vectors: NDArray[np.float64],
    *,
    calibration: Calibration,
    dispersion: float,
    seed: int,
) -> OffsetSelection:
    """Fit the offsets of each factor in turn; keep those that pass the gate against going without.

    The offsets of a fold are learned on the other folds' out-of-fold scores.

    Args:
        held: Predictions of the strategy without them, at least one repeat.
        sums: The same as sums by group.
        vectors: Vectors of all arms, made without looking at results, float64 (n, d); d may be 0.
        calibration: Calibration of the strategy.
        dispersion: Noise variance over binomial variance, >= 1.
        seed: Seed of the bootstrap draws.
    """
    offsets: dict[Factor, ContextOffset] = {}
    verdicts: dict[str, FactorRecord] = {}
    shared_sums = sums
    for factor in FACTORS:
        evaluation = _evaluate_factor(
            factor, held, sums, vectors, calibration=calibration, seed=seed
        )
        if evaluation is None:
            continue
        offset, held_with_offset, sums_with_offset, verdict = evaluation
        verdicts[factor] = verdict
        if verdict["kept"]:
            offsets[factor], held, sums = offset, held_with_offset, sums_with_offset
            calibration = average_calibration(
                [_calibration(each, dispersion) for each in held_with_offset]
            )
    levels = _level_records(held[0].folds, shared_sums, sums, offsets, np.random.default_rng(seed))
    return OffsetSelection(
        offsets=offsets,
        held=tuple(held),
        sums=sums,
        calibration=calibration,
        record={"factors": verdicts, "levels": levels},
    )


def _evaluate_factor(
    factor: Factor,
    held: Sequence[HeldOutPredictions],
    sums: GroupSums,
    vectors: NDArray[np.float64],
    *,
    calibration: Calibration,
    seed: int,
) -> tuple[ContextOffset, Sequence[HeldOutPredictions], GroupSums, FactorRecord] | None:
    """Return the offset, its predictions and the verdict; None if no level has enough tests."""
    slope = calibration.lift_slope
    mean_scores = np.mean([each.predictions.scores for each in held], axis=0)
    if slope <= 0:
        return None
    folds = held[0].folds
    offset = _fit(factor, folds, _features(folds, mean_scores, vectors), slope=slope)
    if offset is None:
        return None
    with_offset, with_pooled = (
        [
            _with_shift(each, _held_out_shift(factor, each, vectors, slope, pooled=pooled))
            for each in held
        ]
        for pooled in (False, True)
    )
    offset_sums, pooled_sums = (
        average_sums([group_sums(each.predictions) for each in each_held])
        for each_held in (with_offset, with_pooled)
    )
    # An effect of the same features for everybody is no difference between levels.
    decision = decide(
        [
            Candidate(name="shared", is_transfer=False, sums=sums),
            Candidate(name="pooled", is_transfer=False, sums=pooled_sums),
            Candidate(name=factor, is_transfer=False, sums=offset_sums),
        ],
        seed=seed,
    )
    return offset, with_offset, offset_sums, _factor_record(offset, decision.verdicts[-1])


def _factor_record(offset: ContextOffset, verdict: GateVerdict) -> FactorRecord:
    is_infinite = bool(np.isinf(offset.penalty))
    return {
        "kept": verdict.passed and not is_infinite,
        "gain": verdict.comparisons[0].gain.record(),
        "gain_over_pooled": verdict.comparisons[1].gain.record(),
        "penalty": None if is_infinite else offset.penalty,
        "vector_weight": offset.vector_weight,
    }


def _fit(
    factor: Factor,
    folds: Folds,
    features: Features,
    *,
    slope: float,
    without: int | None = None,
    pooled: bool = False,
) -> ContextOffset | None:
    """Fit on all groups but those of one fold, in units of the score."""
    in_fit = np.ones(len(folds.groups), bool) if without is None else folds.fold != without
    arms_in_fit = in_fit[folds.arms.group]
    arms = folds.arms
    target = centered_targets(arms)
    # The first plain feature is the score, centred in its group.
    residual = target - slope * features.plain[:, 0]
    evidence = evidence_weights(arms)
    offset = fit_context_offset(
        factor,
        list(compress(folds.groups, in_fit)),
        features.rows(arms_in_fit),
        missed=residual[arms_in_fit],
        evidence=evidence[arms_in_fit],
        pooled=pooled,
    )
    if offset is None:
        return None
    return replace(offset, plain=offset.plain / slope, vectors=offset.vectors / slope)


def _features(folds: Folds, scores: NDArray[np.float64], vectors: NDArray[np.float64]) -> Features:
    locales = [group.locale for group in folds.groups for _ in group.texts]
    # Only differences inside a group have a meaning, not the level of its scores.
    centered = center_in_group(scores, folds.arms.group)
    return Features(plain=plain_features(folds.arms.texts, locales, centered), vectors=vectors)


def _held_out_shift(
    factor: Factor,
    held: HeldOutPredictions,
    vectors: NDArray[np.float64],
    slope: float,
    *,
    pooled: bool = False,
) -> NDArray[np.float64]:
    """Return the shift of every arm, learned on the other folds."""
    folds, scores = held.folds, held.predictions.scores
    features = _features(folds, scores, vectors)
    shift = np.zeros(len(scores))
    names = [EVERYBODY if pooled else context_of(each).level(factor) for each in folds.groups]
    levels = np.array(names, dtype=object)
    arm_level, arm_fold = levels[folds.arms.group], folds.fold[folds.arms.group]
    for number in range(folds.n_folds):
        offset = _fit(factor, folds, features, slope=slope, without=number, pooled=pooled)
        if offset is None:
            continue
        for level in offset.levels:
            at_level = (arm_fold == number) & (arm_level == level)
            shift[at_level] = offset.shift(features.rows(at_level), level)
    return shift


def _with_shift(held: HeldOutPredictions, shift: NDArray[np.float64]) -> HeldOutPredictions:
    before, folds = held.predictions, held.folds
    scores = before.scores + shift
    difference = scores[before.pairs.first] - scores[before.pairs.second]
    predictions = Predictions(
        arms=before.arms,
        pairs=before.pairs,
        scores=scores,
        logit=difference * cross_fitted_slopes(difference, folds),
    )
    return HeldOutPredictions(folds=folds, predictions=predictions)


def _calibration(held: HeldOutPredictions, dispersion: float) -> Calibration:
    predictions = held.predictions
    difference = (
        predictions.scores[predictions.pairs.first] - predictions.scores[predictions.pairs.second]
    )
    return fit_calibration(difference, predictions.arms, predictions.pairs, dispersion=dispersion)


def _level_records(
    folds: Folds,
    shared: GroupSums,
    served: GroupSums,
    offsets: Mapping[Factor, ContextOffset],
    rng: np.random.Generator,
) -> dict[str, dict[str, LevelRecord]]:
    """Return how every level with enough tests does, by factor."""
    names = ("pairs", "hits", "loss")
    all_sums = {name: served[name] for name in names}
    all_sums |= {f"shared_{name}": shared[name] for name in names}
    records: dict[str, dict[str, LevelRecord]] = {}
    for factor in FACTORS:
        level_of = np.array([context_of(each).level(factor) for each in folds.groups], dtype=object)
        records[factor] = {
            level: _level_record(
                {name: values[level_of == level] for name, values in all_sums.items()},
                borrowed=_borrowed_share(offsets.get(factor), level),
                rng=rng,
            )
            for level in dict.fromkeys(level_of.tolist())
            if level and np.count_nonzero(level_of == level) >= MIN_LEVEL_GROUPS
        }
    return records


def _level_record(sums: GroupSums, *, borrowed: float, rng: np.random.Generator) -> LevelRecord:
    totals, draws = total(sums), resample(sums, rng=rng)

    def figure(statistic: Callable[[Totals], NDArray[np.float64]]) -> EstimateRecord:
        return estimate(statistic, totals, draws).record()

    return {
        "groups": len(sums["pairs"]),
        "pairs": round(float(sums["pairs"].sum())),
        "accuracy": figure(lambda each: each["hits"] / each["pairs"]),
        "accuracy_shared": figure(lambda each: each["shared_hits"] / each["shared_pairs"]),
        "log_loss_skill": figure(lambda each: 1 - mean_log_loss(each) / np.log(2)),
        "borrowed": borrowed,
    }


def _borrowed_share(offset: ContextOffset | None, level: str) -> float:
    if offset is None or level not in offset.levels:
        return 1.0
    return offset.borrowed[offset.levels.index(level)]
