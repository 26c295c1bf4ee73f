"""What stands beside a ranking, on the Upworthy Research Archive: principles, risk, departures.

Effects of principles; accuracy over the share of pairs answered, coverage of the intervals of the
lift and the deletion check of explanations, for TF-IDF; departures of audiences that the archive
does not have: drawn by lot, so that none differs (how often are they kept by mistake?), and with
the results of one audience turned round (how much of it is found?).
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from recording import PROJECT, record

sys.path.insert(0, str(PROJECT))

from ml.dataset.contrast_groups import ContrastGroup, build_groups, stack_arms
from ml.dataset.dispersion import replicate_dispersion
from ml.evaluation.cross_validation import Folds, OutOfFold, cross_validate, make_folds
from ml.evaluation.metrics import group_sums
from ml.evaluation.principle_effects import measure_traits
from ml.evaluation.selective_prediction import measure_risk
from ml.history.reading import read_history
from ml.scoring.context_offsets import project
from ml.scoring.explanations import check_deletion
from ml.strategies.base import FittedStrategy
from ml.strategies.tfidf import TfidfRidge
from ml.training.candidate_trials import HeldOutPredictions
from ml.training.context_offset_selection import select_offsets

ARCHIVE = PROJECT.parent / "shared/data/upworthy/history.csv.gz"
SEED, N_DRAWN, N_EXPLAINED = 0, 20, 300
AUDIENCES, CONTRARY_SHARE = ("a", "b", "c"), 0.15


def main() -> None:
    if not ARCHIVE.exists():
        sys.exit(f"{ARCHIVE} is absent: this benchmark needs the shared data")
    dataset = build_groups(read_history(ARCHIVE, "upworthy").rows)
    groups = [group for group in dataset.groups if not group.suspect]
    dispersion = replicate_dispersion(dataset) or 1.0
    rng = np.random.default_rng(SEED)
    folds = make_folds(groups, 5, rng=rng)
    found = cross_validate(TfidfRidge(), folds, dispersion=dispersion)
    fitted = TfidfRidge().fit(folds.arms)
    some = [folds.arms.texts[at] for at in rng.permutation(len(folds.arms.texts))[:N_EXPLAINED]]
    record(
        "answers",
        {
            "seed": SEED,
            "groups": len(groups),
            "dispersion": dispersion,
            "principles": [asdict(each) for each in measure_traits(groups, dispersion=dispersion)],
            "risk_of_tfidf": asdict(
                measure_risk(found.predictions, found.calibration, rng=rng, dispersion=dispersion)
            ),
            "deletion_check_of_tfidf": asdict(check_deletion(some, fitted.score, rng=rng)),
            "audiences_by_lot": _by_lot(folds, found, fitted, dispersion),
            "contrary_audience": _contrary(groups, dispersion),
        },
    )


def _by_lot(
    folds: Folds, found: OutOfFold, fitted: FittedStrategy, dispersion: float
) -> dict[str, int]:
    """How often audiences that do not differ are told apart."""
    vectors, _ = project(fitted.represent(folds.arms.texts), len(folds.arms.texts))
    kept = []
    for seed in range(N_DRAWN):
        drawn = np.random.default_rng(seed).choice(AUDIENCES, size=len(folds.groups))
        named = [
            replace(group, audience=str(name))
            for group, name in zip(folds.groups, drawn, strict=True)
        ]
        held = HeldOutPredictions(
            folds=replace(folds, groups=tuple(named)), predictions=found.predictions
        )
        tried = select_offsets(
            [held],
            group_sums(found.predictions),
            vectors,
            calibration=found.calibration,
            dispersion=dispersion,
            seed=seed,
        )
        kept.append(tried.record["factors"]["audience"]["kept"])
    return {"draws": N_DRAWN, "audiences": len(AUDIENCES), "kept_by_mistake": sum(kept)}


def _contrary(groups: Sequence[ContrastGroup], dispersion: float) -> Mapping[str, Any]:
    """What departures find when one audience likes what the others do not."""
    rng = np.random.default_rng(SEED)
    turned = [
        _turned(group) if rng.random() < CONTRARY_SHARE else replace(group, audience="others")
        for group in groups
    ]
    folds = make_folds(turned, 5, rng=rng)
    found = cross_validate(TfidfRidge(), folds, dispersion=dispersion)
    vectors, _ = project(
        TfidfRidge().fit(stack_arms(turned)).represent(folds.arms.texts), len(folds.arms.texts)
    )
    tried = select_offsets(
        [HeldOutPredictions(folds=folds, predictions=found.predictions)],
        group_sums(found.predictions),
        vectors,
        calibration=found.calibration,
        dispersion=dispersion,
        seed=SEED,
    )
    return tried.record


def _turned(group: ContrastGroup) -> ContrastGroup:
    """The same test with its best and its worst results exchanged, and so on inwards."""
    order = np.argsort(np.array(group.clicks) / np.array(group.visitors))
    clicks, visitors = list(group.clicks), list(group.visitors)
    for low, high in zip(order, order[::-1], strict=True):
        clicks[low], visitors[low] = group.clicks[high], group.visitors[high]
    return replace(group, audience="contrary", clicks=tuple(clicks), visitors=tuple(visitors))


if __name__ == "__main__":
    main()
