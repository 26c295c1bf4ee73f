"""The gate before mismatched and matching sources, made from the Upworthy Research Archive.

A target of some hundred contrast groups trains a ridge on the frozen encoder. Each simulation adds
a source of other groups to the training, and asks the gate.
Harmful sources: labels inverted, another task (shorter is better, whatever visitors did), or
labels of other groups (a shuffled audience). Helpful ones: true labels. Finished simulations are
kept in `var/`; several processes may fill it, each from another seed on: bench_gate.py [SEED].
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np
from recording import PROJECT, record

sys.path.insert(0, str(PROJECT))

from ml.checkpoints import source_digest
from ml.dataset.contrast_groups import ContrastGroup, build_groups, stack_arms
from ml.dataset.splits import assign_folds, connect_groups
from ml.encoders.cache import CachedEncoder
from ml.encoders.sentence_encoder import load_encoder
from ml.evaluation.promotion_gate import Candidate, decide
from ml.history.reading import read_history
from ml.strategies.base import Strategy
from ml.strategies.frozen_head import FrozenHead
from ml.strategies.instance_transfer import WithSource
from ml.strategies.no_text import NoText
from ml.training.candidate_trials import TrialSettings, try_strategies

ARCHIVE = PROJECT.parent / "shared/data/upworthy/history.csv.gz"
CACHE = PROJECT / "var" / "bench_cache"
N_TARGET, N_MISMATCHED, N_HELPFUL = 200, 600, 20
HARMS = ("inverted", "other task", "shuffled")
N_HARMFUL = 8  # of each kind
# One penalty: thousands of heads are fitted.
ALPHAS = (10.0,)
GOALS = {"harmful_promoted_at_most": 0.05, "helpful_promoted_at_least": 0.8}

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
    decision = decide(
        [
            Candidate(name=each.name, is_transfer=each.is_transfer, sums=trials[each.name].sums)
            for each in strategies
        ],
        seed=seed,
    )
    verdict = decision.verdicts[-1]
    found = {
        "kind": kind,
        "promoted": verdict.passed,
        "negative": verdict.negative_transfer != "none",
        "gain_seen": verdict.comparisons[-1].gain.value,
    }
    print(seed, found, file=sys.stderr)
    return found


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
