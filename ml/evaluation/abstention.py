"""Limits beyond which a wording is refused, set and judged on held-out tests.

A refusal is worth its price only where predictions are worse: the limits are set so that one test
in a hundred would be refused by each rule, and a rule whose refused pairs were predicted about as
well as the others is dropped. Then only what is stranger than anything that was judged is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import sum_by_group
from ml.dataset.near_duplicates import tokenise
from ml.evaluation.bootstrap import Estimate, Totals, estimate, resample, total
from ml.evaluation.cross_validation import Folds
from ml.evaluation.metrics import Predictions
from ml.scoring.applicability import CHUNK, likeness, unseen_share
from ml.scoring.manifest import (
    AbstentionFigures,
    AbstentionRecord,
    AbstentionRuleRecord,
    RefusalRule,
)
from ml.strategies.base import Representation

# Share of tests that each rule would refuse.
REFUSED = 0.01
# Refused pairs must be less accurate than answered ones by this much.
MIN_GAP = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Abstention:
    """Limits of the refusals, and what they would have refused.

    Args:
        limits: Largest strangeness that is answered, by rule.
        record: For the manifest.
    """

    limits: Mapping[RefusalRule, float]
    record: AbstentionRecord


def measure_strangeness(
    folds: Folds, representation: Representation
) -> dict[RefusalRule, NDArray[np.float64]]:
    """Return how strange each wording is to the tests that train the model judging it.

    Args:
        folds: Groups in folds.
        representation: Unit rows of their arms, in order.

    Returns:
        Share of unseen words and cosine distance to the nearest training wording, float64 (n,)
        each, by rule.
    """
    arm_fold, texts = folds.fold[folds.arms.group], folds.arms.texts
    unseen, distance = np.zeros(len(texts)), np.zeros(len(texts))
    for number in range(folds.n_folds):
        inside = np.flatnonzero(arm_fold == number)
        trains = np.flatnonzero(folds.trainers(number)[0][folds.arms.group])
        words = {word for at in trains for word in tokenise(texts[at])}
        unseen[inside] = [unseen_share(texts[at], words) for at in inside]
        for start in range(0, len(inside), CHUNK):
            chunk = inside[start : start + CHUNK]
            close = likeness(representation[chunk], representation[trains])
            distance[chunk] = 1 - close.max(axis=1)
    return {"unseen_words": unseen, "far_from_training": distance}


def choose_limits(
    folds: Folds,
    predictions: Predictions,
    strangeness: Mapping[RefusalRule, NDArray[np.float64]],
    *,
    rng: np.random.Generator,
) -> Abstention:
    """Return the limit of each rule, judged on held-out pairs.

    Limits are quantiles over the later tests if there are any, which are as strange to what trains
    as the operator's next ones, otherwise over all; accuracies are those of all held-out pairs.

    Args:
        folds: Groups in folds.
        predictions: Held-out predictions of their arms.
        strangeness: From `measure_strangeness`.
        rng: Source of the bootstrap draws.
    """
    measured = folds.is_later if folds.later is not None else np.ones(len(folds.groups), bool)
    limits: dict[RefusalRule, float] = {}
    rules: dict[str, AbstentionRuleRecord] = {}
    for rule, strange in strangeness.items():
        by_group = np.zeros(len(folds.groups))
        np.maximum.at(by_group, folds.arms.group, strange)
        limit = float(np.quantile(by_group[measured], 1 - REFUSED))
        figures = _figures(predictions, strange > limit, rng)
        gap = figures["gap"].value
        is_kept = gap is not None and gap >= MIN_GAP
        limits[rule] = limit if is_kept else float(strange.max(initial=0.0))
        rules[rule] = {
            **_record(figures),
            "kept": is_kept,
            "limit": limits[rule],
            "limit_tried": limit,
        }
    refused = np.any([strangeness[rule] > limit for rule, limit in limits.items()], axis=0)
    whole = _record(_figures(predictions, refused, rng, groups=measured))
    return Abstention(
        limits=limits,
        record={**whole, "later": folds.later is not None, "rules": rules},
    )


def _figures(
    predictions: Predictions,
    refused: NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    groups: NDArray[np.bool_] | None = None,
) -> dict[str, Estimate]:
    """Return coverage and accuracies if some arms were refused, on all groups or on some."""
    pairs, n_groups = predictions.pairs, predictions.arms.n_groups
    difference = predictions.scores[pairs.first] - predictions.scores[pairs.second]
    hit = np.where(difference == 0, 0.5, (difference > 0) == pairs.first_won)
    out = (refused[pairs.first] | refused[pairs.second]).astype(np.float64)
    columns = {
        "pairs": np.ones(len(pairs)),
        "hits": hit,
        "refused_pairs": out,
        "refused_hits": out * hit,
    }
    sums = {name: sum_by_group(column, pairs.group, n_groups) for name, column in columns.items()}
    any_refused = sum_by_group(refused.astype(np.float64), predictions.arms.group, n_groups) > 0
    sums |= {"groups": np.ones(n_groups), "answered": (~any_refused).astype(np.float64)}
    if groups is not None:
        sums = {name: values[groups] for name, values in sums.items()}
    whole, drawn = total(sums), resample(sums, rng=rng)
    return {
        "coverage": estimate(lambda each: each["answered"] / each["groups"], whole, drawn),
        "accuracy_answered": estimate(_answered, whole, drawn),
        "accuracy_refused": estimate(_refused, whole, drawn),
        "gap": estimate(lambda each: _answered(each) - _refused(each), whole, drawn),
    }


def _answered(totals: Totals) -> NDArray[np.float64]:
    hits, pairs = totals["hits"] - totals["refused_hits"], totals["pairs"] - totals["refused_pairs"]
    return np.asarray(hits / pairs)


def _refused(totals: Totals) -> NDArray[np.float64]:
    return np.asarray(totals["refused_hits"] / totals["refused_pairs"])


def _record(figures: Mapping[str, Estimate]) -> AbstentionFigures:
    records = {name: figure.record() for name, figure in figures.items()}
    return cast("AbstentionFigures", records)
