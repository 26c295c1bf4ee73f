"""The gate before mismatched and matching sources, made from the Upworthy Research Archive.

A target of some hundred contrast groups trains a ridge on the frozen encoder. Each simulation adds
a source of other groups to the training, and asks the gate.
Harmful sources: labels inverted, another task (shorter is better, whatever visitors did), or
labels of other groups (a shuffled audience). Helpful ones: true labels.

Then settings tuned on noise: the results inside each test are shuffled, the best of twenty heads is
chosen on the folds of the earlier tests, and asks the gate, with and without later tests. And
settings tuned around a real predictor: the frozen head with a random direction added to its scores,
the best of twenty on the folds, against the head.

Finished simulations are kept in `var/`; several processes may fill it, each from another seed on:
bench_gate.py [SEED].
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from recording import PROJECT, record

sys.path.insert(0, str(PROJECT))

from ml.checkpoints import source_digest
from ml.dataset.contrast_groups import (
    ContrastGroup,
    build_groups,
    center_in_group,
    stack_arms,
)
from ml.dataset.later_tests import split_by_date
from ml.dataset.pairs import pair_arms
from ml.dataset.splits import assign_folds, connect_groups
from ml.encoders.cache import CachedEncoder
from ml.encoders.sentence_encoder import load_encoder
from ml.evaluation.confirmation import FoldLosses
from ml.evaluation.cross_validation import Folds, cross_fitted_slopes, cross_validate, make_folds
from ml.evaluation.metrics import Predictions, group_sums
from ml.evaluation.promotion_gate import Candidate, decide
from ml.history.reading import read_history
from ml.strategies.base import Strategy
from ml.strategies.frozen_head import FrozenHead
from ml.strategies.instance_transfer import WithSource
from ml.strategies.no_text import NoText
from ml.training.candidate_trials import (
    N_FOLDS,
    TrialSettings,
    as_candidate,
    try_strategies,
)

ARCHIVE = PROJECT.parent / "shared/data/upworthy/history.csv.gz"
CACHE = PROJECT / "var" / "bench_cache"
N_TARGET, N_MISMATCHED, N_HELPFUL = 200, 600, 20
HARMS = ("inverted", "other task", "shuffled")
N_HARMFUL = 8  # of each kind
# One penalty: thousands of heads are fitted.
ALPHAS = (10.0,)
# Settings tried on each history of noise, and such histories.
N_SETTINGS, N_TUNED = 20, 20
SUBSPACE = 6
# Spread of what is added to a predictor's scores, over their own.
ADDED = 0.2
GOALS = {
    "tuned_on_noise_promoted_at_most": 0,
    "harmful_promoted_at_most": 0.05,
    "helpful_promoted_at_least": 0.8,
}

Groups = list[ContrastGroup]


def main() -> None:
    if not ARCHIVE.exists():
        sys.exit(f"{ARCHIVE} is absent: this benchmark needs the shared data")
    started = time.perf_counter()
    found = build_groups(read_history(ARCHIVE, "upworthy").rows).groups
    groups = list(found)
    encoder = CachedEncoder(load_encoder(""), CACHE)
    encoder.encode(stack_arms(groups).texts)
    kinds = [kind for kind in HARMS for _ in range(N_HARMFUL)] + ["true labels"] * N_HELPFUL
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    order = [(first + step) % len(kinds) for step in range(len(kinds))]
    simulations = [kept(kinds[seed], groups, encoder, seed) for seed in order]
    helpful = [each for each in simulations if each["kind"] == "true labels"]
    harmful = [each for each in simulations if each["kind"] != "true labels"]
    record(
        "gate",
        {
            "seconds": round(time.perf_counter() - started, 1),
            "goals": GOALS,
            "target_groups": N_TARGET,
            "harmful": len(harmful),
            "harmful_promoted": _count(harmful, "promoted"),
            "harmful_called_negative_transfer": _count(harmful, "negative"),
            "harmful_mean_gain_seen": _mean_gain(harmful),
            "helpful": len(helpful),
            "helpful_promoted": _count(helpful, "promoted"),
            "helpful_called_negative_transfer": _count(helpful, "negative"),
            "helpful_mean_gain_seen": _mean_gain(helpful),
            "simulations": simulations,
            "tuned_on_noise": tuned_on_noise(groups, encoder),
            "tuned_around_a_predictor": tuned_around(groups, encoder),
        },
    )


def kept(kind: str, groups: Groups, encoder: CachedEncoder, seed: int) -> dict[str, Any]:
    """Return what a simulation of the same code found before, or run it."""
    path = CACHE / f"{source_digest()[:16]}-{seed}.json"
    if not path.exists():
        path.write_text(json.dumps(simulate(kind, groups, encoder, seed)))
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def simulate(kind: str, groups: Groups, encoder: CachedEncoder, seed: int) -> dict[str, Any]:
    """Return what the gate said of one source, and what was true."""
    rng = np.random.default_rng(seed)
    target, source = split(groups, rng)
    source = list(relabelled(kind, source, rng))
    if kind != "true labels":
        source = source[:N_MISMATCHED]
    arms = stack_arms(source)
    plain = FrozenHead(encoder=encoder, alphas=ALPHAS)
    strategies: list[Strategy] = [
        NoText(),
        plain,
        WithSource(inner=plain, source=arms, trust=np.ones(len(arms.texts))),
    ]
    trials = try_strategies(
        strategies, target, settings=TrialSettings(seed=seed), progress=lambda done: None
    )
    decision = decide([as_candidate(each, trials[each.name]) for each in strategies], seed=seed)
    verdict = decision.verdicts[-1]
    found = {
        "kind": kind,
        "promoted": verdict.passed,
        "negative": verdict.negative_transfer != "none",
        "gain_seen": verdict.comparisons[-1].gain.value,
    }
    print(seed, found, file=sys.stderr)
    return found


class Subspace:
    """An encoder that reads a random part of another one's vectors: one setting among many."""

    def __init__(self, encoder: CachedEncoder, seed: int) -> None:
        draw = np.random.default_rng(seed)
        self._encoder, self.dimension = encoder, SUBSPACE
        self._axes = draw.normal(size=(encoder.dimension, SUBSPACE)).astype(np.float32)
        self.name, self.fingerprint = f"subspace-{seed}", f"{seed:064x}"

    def encode(self, texts: Sequence[str], *, progress: Any = None) -> Any:
        """Return the texts' vectors in the subspace, float32 (n, d)."""
        return self._encoder.encode(texts) @ self._axes


def tuned_on_noise(groups: Groups, encoder: CachedEncoder) -> dict[str, Any]:
    """Return how often the best of many settings on noise passes, and what each way says of it."""
    folds = _dated_folds(groups)
    return _counts(folds, [_tuned(folds, encoder, seed) for seed in range(N_TUNED)])


def tuned_around(groups: Groups, encoder: CachedEncoder) -> dict[str, Any]:
    """Return the same for settings that add a random direction to a real predictor's scores."""
    folds = _dated_folds(groups)
    head = FrozenHead(encoder=encoder, alphas=ALPHAS)
    scores = cross_validate(head, folds).predictions.scores
    vectors = encoder.encode(folds.arms.texts).astype(np.float64)
    base = [_scored("no_text", folds, np.zeros_like(scores)), _scored("head", folds, scores)]
    found = []
    for seed in range(N_TUNED):
        axes = np.random.default_rng(seed).normal(size=(vectors.shape[1], N_SETTINGS))
        noise = center_in_group(vectors @ axes, folds.arms.group)
        noise *= ADDED * center_in_group(scores, folds.arms.group).std() / noise.std(axis=0)
        settings = [
            _scored(f"setting-{at}", folds, scores + noise[:, at]) for at in range(N_SETTINGS)
        ]
        found.append(_asked(base, settings, seed))
    return _counts(folds, found)


def _dated_folds(groups: Groups) -> Folds:
    sound = [group for group in groups if not group.suspect]
    later = split_by_date(sound, connect_groups(sound))
    rng = np.random.default_rng(0)
    return make_folds(sound, N_FOLDS, rng=rng, is_later=later.is_later)


def _counts(folds: Folds, found: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "settings": N_SETTINGS,
        "histories": N_TUNED,
        "later_groups": int(folds.is_later.sum()),
        "mean_gain_on_folds": float(np.mean([each["gain_on_folds"] for each in found])),
        "mean_gain_on_later": float(np.mean([each["gain_on_later"] for each in found])),
        "passed_on_folds_alone": _count(found, "on_folds"),
        "promoted_with_later_tests": _count(found, "promoted"),
        "promoted_with_the_choice_held_out": _count(found, "nested"),
    }


def _tuned(folds: Folds, encoder: CachedEncoder, seed: int) -> dict[str, Any]:
    shuffled = tuple(relabelled("shuffled", list(folds.groups), np.random.default_rng(seed)))
    arms = stack_arms(shuffled)
    noise = replace(folds, groups=shuffled, arms=arms, pairs=pair_arms(arms))
    settings = [
        FrozenHead(encoder=Subspace(encoder, 100 * seed + at), alphas=ALPHAS, name=f"setting-{at}")
        for at in range(N_SETTINGS)
    ]
    said = [cross_validate(each, noise).predictions.scores for each in (NoText(), *settings)]
    candidates = [_scored(f"setting-{at}", noise, scores) for at, scores in enumerate(said)]
    return _asked(candidates[:1], candidates[1:], seed)


def _asked(
    simpler: Sequence[Candidate], settings: Sequence[Candidate], seed: int
) -> dict[str, Any]:
    """Return what the gate says of the setting that is best on the folds."""
    tried = sorted(settings, key=lambda each: -each.sums["loss"].sum())
    with_later = decide([_without_folds(each) for each in (*simpler, tried[-1])], seed=seed)
    nested = [replace(each, later=None) for each in (*simpler, *tried)]
    verdict, last = with_later.verdicts[-1], decide(nested, seed=seed).verdicts[-1]
    at = len(simpler) - 1
    found = {
        "on_folds": verdict.on_folds,
        "promoted": verdict.passed,
        "nested": verdict.on_folds and not last.confirming[at].reasons,
        "gain_on_folds": verdict.comparisons[at].gain.value,
        "gain_on_later": verdict.confirming[at].gain.value,
    }
    print(seed, found, file=sys.stderr)
    return found


def _scored(name: str, folds: Folds, scores: NDArray[np.float64]) -> Candidate:
    """Return scores as a candidate, with folds and later tests."""
    pairs, earlier = folds.pairs, ~folds.is_later
    gap = scores[pairs.first] - scores[pairs.second]
    logit = gap * cross_fitted_slopes(gap, folds)
    sums = group_sums(Predictions(arms=folds.arms, pairs=pairs, scores=scores, logit=logit))
    on_folds = {key: values[earlier] for key, values in sums.items()}
    return Candidate(
        name=name,
        is_transfer=False,
        sums=on_folds,
        later={key: values[~earlier] for key, values in sums.items()},
        repeats=(FoldLosses(loss=on_folds["loss"], fold=folds.fold[earlier]),),
    )


def _without_folds(candidate: Candidate) -> Candidate:
    return replace(candidate, repeats=())


def split(groups: Groups, rng: np.random.Generator) -> tuple[Groups, Groups]:
    """Return a sound target and the rest, with no connected component in both."""
    fold = assign_folds(connect_groups(groups), 40, rng=rng)
    is_sound = np.array([not group.suspect for group in groups])
    sizes = np.cumsum([np.count_nonzero(is_sound & (fold == each)) for each in range(40)])
    is_target = fold <= np.searchsorted(sizes, N_TARGET)
    return (
        list(compress(groups, is_target & is_sound)),
        list(compress(groups, ~is_target)),
    )


def relabelled(kind: str, groups: Groups, rng: np.random.Generator) -> Iterator[ContrastGroup]:
    """Yield source groups with the labels of a kind of mismatch."""
    for group in groups:
        rates = [c / n for c, n in zip(group.clicks, group.visitors, strict=True)]
        ranked = sorted(rates)
        if kind == "inverted":
            rates = [ranked[-1 - ranked.index(rate)] for rate in rates]
        elif kind == "other task":
            order = np.argsort([-len(text) for text in group.texts], kind="stable")
            rates = [ranked[at] for at in np.argsort(order, kind="stable")]
        elif kind == "shuffled":
            rates = list(rng.permutation(rates))
        clicks = tuple(
            min(n, round(rate * n)) for rate, n in zip(rates, group.visitors, strict=True)
        )
        yield replace(group, clicks=clicks) if sum(clicks) else group


def _count(simulations: list[dict[str, Any]], key: str) -> int:
    return sum(each[key] for each in simulations)


def _mean_gain(simulations: list[dict[str, Any]]) -> float:
    return float(np.mean([each["gain_seen"] for each in simulations]))


if __name__ == "__main__":
    main()
