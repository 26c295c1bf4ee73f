"""Recipes of fine-tuning, judged on folds of the earlier tests and on the later ones.

Each keeps more or less of what the pretrained encoder knows. Networks of one recipe are trained
once and averaged in several ways. A run that was broken off goes on where it stopped; with `later`
as argument no fold is computed: what the folds say is recorded of the recipes whose folds are kept.
"""

import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from later_tests import (
    KEPT,
    N_FOLDS,
    SEED,
    Scores,
    Split,
    fold_scores,
    fold_sums,
    has_kept_folds,
    join_folds,
    later_scores,
    later_sums,
    load_split,
    make_by,
    paired,
)
from recording import record

from ml.dataset.contrast_groups import Arms
from ml.evaluation.bootstrap import GroupSums
from ml.evaluation.metrics import summarise
from ml.fine_tuning.training_loop import TuningSettings
from ml.fine_tuning.transformer_layers import tunable
from ml.strategies.candidates import ADAPTER_RATE, frozen
from ml.strategies.fine_tuned import FineTuned, average_networks

BASE = TuningSettings(body_rate=2e-4)
# One tuning, its networks averaged in several ways: how many of them, and the share of the
# pretrained one.
SOUPS: Mapping[str, tuple[int, float]] = {
    "one_network": (1, 0.0),
    "two_averaged": (2, 0.0),
    "four_averaged": (4, 0.0),
    "wise_ft_25": (2, 0.25),
    "wise_ft_50": (2, 0.5),
    "wise_ft_75": (2, 0.75),
}
N_NETWORKS = max(count for count, _ in SOUPS.values())
# Tuned in another way, two networks each, averaged.
OTHERS: Mapping[str, dict[str, Any]] = {
    "l2_sp": {"settings": replace(BASE, weight_decay=0.0, anchor=30.0)},
    "small_rates": {"settings": replace(BASE, body_rate=5e-5)},
    "one_layer": {"trained": 1},
    "lora": {"adapter_rank": 8, "settings": replace(BASE, body_rate=ADAPTER_RATE)},
}
# CPU seconds of a fit that was kept from an earlier run.
SECONDS = KEPT / "seconds.json"
GOALS = {"recipes": 6}
BASELINE = "frozen_layers"


def main() -> None:
    split = load_split()
    seconds: dict[str, float] = json.loads(SECONDS.read_text()) if SECONDS.exists() else {}
    behind = tunable(split.encoder)
    assert behind is not None
    plain = FineTuned(encoder=behind, settings=BASE)

    def soups(arms: Arms, texts: Sequence[str]) -> Mapping[str, Scores]:
        return _timed(seconds, "soups", lambda: soup_scores(plain, arms, texts))

    def other(name: str) -> Any:
        tuned = replace(plain, name=name, **OTHERS[name])
        return lambda arms, texts: _timed(
            seconds, name, lambda: {name: tuned.fit(arms).score(texts)}
        )

    makes = {(BASELINE,): make_by(frozen(split.encoder)), ("probe", *SOUPS): soups}
    makes |= {(name,): other(name) for name in OTHERS}
    makes_folds = sys.argv[1:] != ["later"]
    later: dict[str, Scores] = {}
    earlier: dict[str, list[Scores]] = {}
    # Recipe by recipe: what is recorded when a run is broken off is complete for those it names.
    for names, make in makes.items():
        later |= later_scores(split, names, make)
        earlier |= {name: [] for name in names}
        for number in range(N_FOLDS if makes_folds or has_kept_folds(split, names) else 0):
            for name, scores in fold_scores(split, names, make, number=number).items():
                earlier[name].append(scores)
            print(time.strftime("%H:%M:%S"), number, names, seconds, file=sys.stderr, flush=True)
        found = judged(split, later, earlier)
        record("fine_tuning", {"goals": GOALS, **found, "seconds": dict(seconds)})


def soup_scores(plain: FineTuned, arms: Arms, texts: Sequence[str]) -> dict[str, Scores]:
    """Return the scores of every average of the networks of one tuning."""
    pretrained = plain.fit_probe(arms)
    networks = [replace(plain, seeds=(seed,)).fit(arms) for seed in range(N_NETWORKS)]
    scores = {"probe": pretrained.score(texts)}
    for name, (count, share) in SOUPS.items():
        weights = [share, *[(1 - share) / count] * count]
        soup = average_networks([pretrained, *networks[:count]], weights=weights)
        scores[name] = soup.score(texts)
    return scores


def judged(
    split: Split, later: Mapping[str, Scores], earlier: Mapping[str, Sequence[Scores]]
) -> dict[str, Any]:
    """Return the figures of each recipe and its gains over the frozen layers on both.

    Slopes for the later tests are fitted on the folds; of a recipe without them on the later tests
    themselves, and then for the frozen layers that it is compared with, too.
    """
    joined = {name: join_folds(split, scores) for name, scores in earlier.items() if scores}
    folds = {name: fold_sums(*each) for name, each in joined.items()}

    def sums(name: str, *, has_folds: bool) -> dict[str, GroupSums]:
        if not has_folds:
            return {"later": later_sums(split, later[name])}
        return {"later": later_sums(split, later[name], joined[name]), "folds": folds[name]}

    def gains(name: str) -> dict[str, Any]:
        has_folds = {name, BASELINE} <= joined.keys()
        own, base = (sums(one, has_folds=has_folds) for one in (name, BASELINE))
        return {part: paired(own[part], base[part]) for part in own}

    rng = np.random.default_rng(SEED)
    return {
        "folds_made": {name: len(scores) for name, scores in earlier.items()},
        "earlier_groups": len(split.folds.groups),
        "later_groups": len(split.later),
        "figures": {
            name: {
                part: asdict(summarise(each, rng=rng))
                for part, each in sums(name, has_folds=name in joined).items()
            }
            for name in later
        },
        "over_frozen_layers": {name: gains(name) for name in later if name != BASELINE},
        "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _timed(seconds: dict[str, float], name: str, make: Any) -> Any:
    started = time.process_time()
    made = make()
    # CPU seconds of the last fit: what else the machine does counts less.
    seconds[name] = round(time.process_time() - started, 1)
    SECONDS.parent.mkdir(parents=True, exist_ok=True)
    SECONDS.write_text(json.dumps(seconds))
    return made


if __name__ == "__main__":
    main()
