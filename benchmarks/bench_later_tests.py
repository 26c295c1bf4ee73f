"""Strategies of the catalogue, judged on later tests that no choice has seen.

Trained on the tests to July 2014, chosen on folds of these, judged on August to October 2014.
Scores of tuned networks come from `bench_fine_tuning.py`, which runs first. Weights of the stack
are chosen on the folds alone, fixed ones among a few and learned ones, and so are the limits of the
refusals. With `later` as argument the tuned networks are judged on the later tests only: the gate
then decides among the others, and no weights are chosen.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from bench_fine_tuning import SOUPS
from later_tests import (
    N_FOLDS,
    SEED,
    Make,
    Scores,
    Split,
    fold_scores,
    fold_sums,
    join_folds,
    later_scores,
    later_sums,
    load_split,
    make_by,
    paired,
)
from numpy.typing import NDArray
from recording import record
from scipy.optimize import nnls

from ml.dataset.contrast_groups import Arms, center_in_group, stack_arms
from ml.dataset.later_tests import split_by_date
from ml.dataset.pairs import pair_arms
from ml.dataset.splits import connect_groups
from ml.dataset.targets import centered_targets, evidence_weights
from ml.encoders.base import layers_of
from ml.evaluation.abstention import choose_limits, measure_strangeness
from ml.evaluation.bootstrap import GroupSums
from ml.evaluation.cross_validation import Folds, cross_validate, make_folds
from ml.evaluation.metrics import summarise
from ml.evaluation.promotion_gate import Candidate, decide
from ml.strategies.candidates import frozen
from ml.strategies.frozen_head import FrozenHead
from ml.strategies.no_text import NoText
from ml.strategies.tfidf import TfidfRidge

# Averages of tuned networks by which the catalogue's `fine_tuned` was and may be made.
TUNED = ("two_averaged", "wise_ft_50")
MEMBERS = ("tfidf", "frozen_layers", "tuned")
# Weights of the members, among which the folds choose; the first are those of the catalogue.
WEIGHTS = ((0.25, 0.5, 1.0), (0.0, 0.5, 1.0), (0.25, 1.0, 1.0), (0.0, 1.0, 1.0), (0.5, 1.0, 1.0))
GOALS = {
    "served_not_worse_than_simpler": "paired, 90 %",
    "accuracy_over_former_stack": 0.005,
    "refused": [0.01, 0.03],
    "refused_less_accurate_by": 0.03,
}


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Scores of one strategy on the later tests and, if they were made, on the folds."""

    later: Scores
    earlier: Scores | None


def main() -> None:
    started = time.perf_counter()
    split, has_folds = load_split(), sys.argv[1:] != ["later"]
    folds, scores = all_scores(split, has_folds=has_folds)
    stacks = {name: add_stacks(scores, folds, tuned=name) for name in TUNED}
    scores |= {each: judged for stack in stacks.values() for each, judged in stack[1].items()}
    sums = {name: sums_of(split, folds, each, fair=has_folds) for name, each in scores.items()}
    calibrated = {name: sums_of(split, folds, each, fair=True) for name, each in scores.items()}
    rng = np.random.default_rng(SEED)
    record(
        "later_tests",
        {
            "seconds": round(time.perf_counter() - started, 1),
            "goals": GOALS,
            "folds_of_tuned": has_folds,
            "earlier_groups": len(split.folds.groups),
            "later_groups": len(split.later),
            "figures": {
                name: {part: asdict(summarise(each, rng=rng)) for part, each in parts.items()}
                for name, parts in sums.items()
            },
            "over_frozen_layers": over(sums, "frozen_layers"),
            "over_former_stack": over(sums, "stack_of_two_averaged"),
            "weights": {name: weights for name, (weights, _) in stacks.items()},
            "gate": {name: gate(calibrated, tuned=name) for name in TUNED},
            "abstention": abstention(split, scores["frozen_layers"].later),
        },
    )


def all_scores(split: Split, *, has_folds: bool) -> tuple[Folds, dict[str, Judged]]:
    """Return the scores of each strategy that is no stack."""
    makes: dict[tuple[str, ...], Make] = {
        ("no_text",): make_by(NoText()),
        ("tfidf",): make_by(TfidfRidge()),
        ("frozen_head",): make_by(FrozenHead(encoder=split.encoder)),
        ("frozen_layers",): make_by(frozen(split.encoder)),
        ("probe", *SOUPS): _refuse_to_tune,
    }
    scores: dict[str, Judged] = {}
    folds = split.folds
    for names, make in makes.items():
        later = later_scores(split, names, make)
        is_made = has_folds or make is not _refuse_to_tune
        numbers = range(N_FOLDS if is_made else 0)
        by_fold = [fold_scores(split, names, make, number=number) for number in numbers]
        for name in names:
            earlier = join_folds(split, [each[name] for each in by_fold]) if is_made else None
            if earlier:
                folds = earlier[0]
            scores[name] = Judged(later=later[name], earlier=earlier and earlier[1])
    return folds, scores


def sums_of(split: Split, folds: Folds, judged: Judged, *, fair: bool) -> dict[str, GroupSums]:
    """Return the sums of a strategy on the later tests and, if they were made, on the folds.

    Calibrated on the folds if every strategy compared has them (`fair`), otherwise none is.
    """
    if judged.earlier is None:
        return {"later": later_sums(split, judged.later)}
    joined = folds, judged.earlier
    later = later_sums(split, judged.later, joined if fair else None)
    return {"later": later, "folds": fold_sums(*joined)}


def add_stacks(
    scores: Mapping[str, Judged], folds: Folds, *, tuned: str
) -> tuple[dict[str, list[float]], dict[str, Judged]]:
    """Return weights and scores of the stacks: of the catalogue, best on folds, learned."""
    members = [scores[tuned if name == "tuned" else name] for name in MEMBERS]
    earlier = [each.earlier for each in members if each.earlier is not None]

    def stacked(weights: Sequence[float]) -> Judged:
        return Judged(
            later=np.average([each.later for each in members], axis=0, weights=weights),
            earlier=np.average(earlier, axis=0, weights=weights)
            if len(earlier) == len(members)
            else None,
        )

    def loss(weights: Sequence[float]) -> float:
        said = stacked(weights).earlier
        assert said is not None
        return float(fold_sums(folds, said)["loss"].sum())

    weights = {f"stack_of_{tuned}": WEIGHTS[0]}
    if len(earlier) == len(members):
        weights[f"stack_chosen_of_{tuned}"] = min(WEIGHTS, key=loss)
        weights[f"stack_learned_of_{tuned}"] = learn_weights(earlier, folds.arms)
    return (
        {name: [round(each, 3) for each in chosen] for name, chosen in weights.items()},
        {name: stacked(chosen) for name, chosen in weights.items()},
    )


def learn_weights(members: Sequence[Scores], arms: Arms) -> tuple[float, float, float]:
    """Return weights >= 0 with which out-of-fold scores follow the results best.

    Source: stacked regressions, Breiman (1996), Machine Learning 24.
    """
    root = np.sqrt(evidence_weights(arms))
    features = np.stack([center_in_group(each, arms.group) for each in members], axis=1)
    found, _ = nnls(features * root[:, None], centered_targets(arms) * root)
    tfidf, layers, tuned = (float(each) for each in found)
    return tfidf, layers, tuned


def over(sums: Mapping[str, Mapping[str, GroupSums]], name: str) -> dict[str, Any]:
    """Return the paired gains of every strategy over one, on folds and on later tests."""
    base = sums[name]
    return {
        other: {part: paired(each, base[part]) for part, each in parts.items() if part in base}
        for other, parts in sums.items()
        if other != name
    }


def gate(sums: Mapping[str, Mapping[str, GroupSums]], *, tuned: str) -> dict[str, Any]:
    """Return the decision of the gate on the catalogue with one way to tune."""
    names = ("no_text", "tfidf", "frozen_head", "frozen_layers", tuned, f"stack_of_{tuned}")
    candidates = [
        Candidate(
            name=name,
            is_transfer=name not in {"no_text", "tfidf"},
            sums=sums[name]["folds"],
            later=sums[name]["later"],
        )
        for name in names
        if "folds" in sums[name]
    ]
    return asdict(decide(candidates, seed=SEED))


def abstention(split: Split, scores: Scores) -> dict[str, Any]:
    """Return what limits set on the earlier tests refuse of the later ones."""
    layers, earlier = layers_of(split.encoder), list(split.folds.groups)
    assert layers is not None
    rng = np.random.default_rng(SEED)
    inner = split_by_date(earlier, connect_groups(earlier))
    folds = make_folds(earlier, N_FOLDS, rng=rng, is_later=inner.is_later)
    held = cross_validate(frozen(split.encoder), folds).predictions
    strange = measure_strangeness(folds, layers.encode(folds.arms.texts))
    chosen = choose_limits(folds, held, strange, rng=rng)
    # The later tests are strange to the earlier ones: a split in which these train.
    whole = make_folds(
        [*earlier, *split.later],
        N_FOLDS,
        rng=rng,
        is_later=np.arange(len(earlier) + len(split.later)) >= len(earlier),
    )
    arms = stack_arms([*earlier, *split.later])
    later_arms = whole.is_later[arms.group]
    after = measure_strangeness(whole, layers.encode(arms.texts))
    refused = np.any([after[rule][later_arms] > limit for rule, limit in chosen.limits.items()], 0)
    return {"set": chosen.record, "later": _refusals(split.arms, scores, refused)}


def _refusals(arms: Arms, scores: Scores, refused: NDArray[np.bool_]) -> dict[str, Any]:
    pairs = pair_arms(arms)
    hits = (scores[pairs.first] > scores[pairs.second]) == pairs.first_won
    by_group = np.zeros(arms.n_groups, dtype=bool)
    by_group[arms.group[refused]] = True
    out = by_group[pairs.group]

    def accuracy(of: NDArray[np.bool_]) -> float | None:
        return round(float(hits[of].mean()), 4) if of.any() else None

    return {
        "groups_refused": int(by_group.sum()),
        "share_refused": round(float(by_group.mean()), 4),
        "pairs_refused": int(out.sum()),
        "accuracy_all": accuracy(np.ones_like(out)),
        "accuracy_answered": accuracy(~out),
        "accuracy_refused": accuracy(out),
    }


def _refuse_to_tune(arms: Arms, texts: Sequence[str]) -> Mapping[str, Scores]:
    sys.exit("tuned networks are missing: run bench_fine_tuning.py first")


if __name__ == "__main__":
    main()
