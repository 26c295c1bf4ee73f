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
from ml.evaluation.promotion_gate import Candidate, decide
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
from ml.training.candidate_trials import Held, average_calibration, average_sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Outcome of the selection of offsets.

    Args:
        kept: By factor, those that won, fitted on all groups.
        held: Held-out predictions with them, one for each repeat.
        sums: The same as sums by group, averaged over the repeats.
        calibration: Fitted on them.
        record: For the manifest: a verdict a factor, and how each level does.
    """

    kept: Mapping[Factor, ContextOffset]
    held: tuple[Held, ...]
    sums: GroupSums
    calibration: Calibration
    record: SelectionRecord


def try_departures(
    held: Sequence[Held],
    sums: GroupSums,
    vectors: NDArray[np.float64],
    *,
    calibration: Calibration,
    dispersion: float,
    seed: int,
) -> Tried:
    """Let each factor depart in turn, and keep it only if it passes the gate against going without.

    Departures of a fold are learned on the other folds' out-of-fold scores.

    Args:
        held: Predictions of the strategy without them, at least one repeat.
        sums: The same as sums by group.
        vectors: Vectors of all arms, made without looking at results, float64 (n, d); d may be 0.
        calibration: Calibration of the strategy.
        dispersion: Noise variance over binomial variance, >= 1.
        seed: Seed of the bootstrap draws.
    """
    kept: dict[Factor, ContextOffset] = {}
    verdicts: dict[str, FactorRecord] = {}
    shared = sums
    for factor in FACTORS:
        found = _try_factor(factor, held, sums, vectors, calibration=calibration, seed=seed)
        if found is None:
            continue
        offset, its_held, its_sums, verdict = found
        verdicts[factor] = verdict
        if verdict["kept"]:
            kept[factor], held, sums = offset, its_held, its_sums
            calibration = average_calibration([_calibration(each, dispersion) for each in its_held])
    levels = _levels(held[0].folds, shared, sums, kept, np.random.default_rng(seed))
    return Tried(
        kept=kept,
        held=tuple(held),
        sums=sums,
        calibration=calibration,
        record={"factors": verdicts, "levels": levels},
    )


def _try_factor(
    factor: Factor,
    held: Sequence[Held],
    sums: GroupSums,
    vectors: NDArray[np.float64],
    *,
    calibration: Calibration,
    seed: int,
) -> tuple[ContextOffset, Sequence[Held], GroupSums, FactorRecord] | None:
    """Return the offset, its predictions and the verdict; None if no level has enough tests."""
    slope = calibration.lift_slope
    mean_scores = np.mean([each.predictions.scores for each in held], axis=0)
    if slope <= 0:
        return None
    folds = held[0].folds
    whole = _fit(factor, folds, _features(folds, mean_scores, vectors), slope=slope)
    if whole is None:
        return None
    its_held = [_shifted(each, _held_out(factor, each, vectors, slope)) for each in held]
    pooled = [_shifted(each, _held_out(factor, each, vectors, slope, pooled=True)) for each in held]
    its_sums, pooled_sums = (
        average_sums([group_sums(each.predictions) for each in each_held])
        for each_held in (its_held, pooled)
    )
    # What the same features tell of everybody is no difference between levels.
    decision = decide(
        [
            Candidate(name="shared", is_transfer=False, sums=sums),
            Candidate(name="pooled", is_transfer=False, sums=pooled_sums),
            Candidate(name=factor, is_transfer=False, sums=its_sums),
        ],
        seed=seed,
    )
    verdict = decision.verdicts[-1]
    is_kept = verdict.passed and not np.isinf(whole.penalty)
    return (
        whole,
        its_held,
        its_sums,
        {
            "kept": is_kept,
            "gain": verdict.comparisons[0].gain.record(),
            "gain_over_pooled": verdict.comparisons[1].gain.record(),
            "penalty": None if np.isinf(whole.penalty) else whole.penalty,
            "vector_weight": whole.vector_weight,
        },
    )


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
    wanted = np.ones(len(folds.groups), bool) if without is None else folds.fold != without
    inside = wanted[folds.arms.group]
    arms = folds.arms
    target = centered_targets(arms)
    # The first plain feature is the score, centred in its group.
    missed = target - slope * features.plain[:, 0]
    evidence = evidence_weights(arms)
    found = fit_context_offset(
        factor,
        list(compress(folds.groups, wanted)),
        features.rows(inside),
        missed=missed[inside],
        evidence=evidence[inside],
        pooled=pooled,
    )
    if found is None:
        return None
    return replace(found, plain=found.plain / slope, vectors=found.vectors / slope)


def _features(folds: Folds, scores: NDArray[np.float64], vectors: NDArray[np.float64]) -> Features:
    locales = [group.locale for group in folds.groups for _ in group.texts]
    # The level of a group's scores means nothing: only differences inside it do.
    centered = center_in_group(scores, folds.arms.group)
    return Features(plain=plain_features(folds.arms.texts, locales, centered), vectors=vectors)


def _held_out(
    factor: Factor,
    held: Held,
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
            wanted = (arm_fold == number) & (arm_level == level)
            shift[wanted] = offset.shift(features.rows(wanted), level)
    return shift


def _shifted(held: Held, shift: NDArray[np.float64]) -> Held:
    before, folds = held.predictions, held.folds
    scores = before.scores + shift
    difference = scores[before.pairs.first] - scores[before.pairs.second]
    predictions = Predictions(
        arms=before.arms,
        pairs=before.pairs,
        scores=scores,
        logit=difference * cross_fitted_slopes(difference, folds),
    )
    return Held(folds=folds, predictions=predictions)


def _calibration(held: Held, dispersion: float) -> Calibration:
    said = held.predictions
    difference = said.scores[said.pairs.first] - said.scores[said.pairs.second]
    return fit_calibration(difference, said.arms, said.pairs, dispersion=dispersion)


def _levels(
    folds: Folds,
    shared: GroupSums,
    served: GroupSums,
    kept: Mapping[Factor, ContextOffset],
    rng: np.random.Generator,
) -> dict[str, dict[str, LevelRecord]]:
    """Return how every level with enough tests does, by factor."""
    names = ("pairs", "hits", "loss")
    both = {name: served[name] for name in names}
    both |= {f"shared_{name}": shared[name] for name in names}
    found: dict[str, dict[str, LevelRecord]] = {}
    for factor in FACTORS:
        level_of = np.array([context_of(each).level(factor) for each in folds.groups], dtype=object)
        found[factor] = {
            level: _level(
                {name: values[level_of == level] for name, values in both.items()},
                borrowed=_borrowed(kept.get(factor), level),
                rng=rng,
            )
            for level in dict.fromkeys(level_of.tolist())
            if level and np.count_nonzero(level_of == level) >= MIN_LEVEL_GROUPS
        }
    return found


def _level(sums: GroupSums, *, borrowed: float, rng: np.random.Generator) -> LevelRecord:
    whole, drawn = total(sums), resample(sums, rng=rng)

    def figure(statistic: Callable[[Totals], NDArray[np.float64]]) -> EstimateRecord:
        return estimate(statistic, whole, drawn).record()

    return {
        "groups": len(sums["pairs"]),
        "pairs": round(float(sums["pairs"].sum())),
        "accuracy": figure(lambda each: each["hits"] / each["pairs"]),
        "accuracy_shared": figure(lambda each: each["shared_hits"] / each["shared_pairs"]),
        "log_loss_skill": figure(lambda each: 1 - mean_log_loss(each) / np.log(2)),
        "borrowed": borrowed,
    }


def _borrowed(offset: ContextOffset | None, level: str) -> float:
    if offset is None or level not in offset.levels:
        return 1.0
    return offset.borrowed[offset.levels.index(level)]
