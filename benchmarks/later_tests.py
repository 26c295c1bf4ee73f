"""The split of the archive in time by which strategies and their settings are judged.

Fixed before anything was tried: whatever is chosen is chosen on the tests to July 2014; those from
August to October 2014 judge it. Scores are kept in `var/`, so that a rerun costs little and a run
that was broken off goes on.
"""

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from recording import PROJECT

sys.path.insert(0, str(PROJECT))

from ml.checkpoints import Checkpoints
from ml.dataset.contrast_groups import Arms, ContrastGroup, build_groups, stack_arms
from ml.dataset.pairs import pair_arms
from ml.dataset.splits import find_leaks
from ml.encoders.base import layers_of
from ml.encoders.cache import CachedEncoder
from ml.encoders.sentence_encoder import load_encoder
from ml.evaluation.bootstrap import GroupSums, interval, resample, total
from ml.evaluation.cross_validation import Folds, Helpers, cross_fitted_slopes, make_folds
from ml.evaluation.metrics import Predictions, group_sums
from ml.files import file_sha256
from ml.history.reading import read_history
from ml.scoring.calibration import fit_slope
from ml.strategies.base import Strategy
from ml.training.manifest import hash_groups
from ml.training.options import SUSPECT_TRUST

ARCHIVE = PROJECT.parent / "shared/data/upworthy/history.csv.gz"
CACHE, KEPT = PROJECT / "var" / "bench_cache", PROJECT / "var" / "bench_later_tests"
FIRST_LATER_DAY = date(2014, 8, 1)
N_FOLDS, SEED = 5, 0
# What the kept scores depend on, apart from data and encoder.
DECISIVE = (
    *("fine_tuning/*.py", "strategies/fine_tuned.py", "strategies/ridge.py"),
    *("dataset/contrast_groups.py", "dataset/targets.py", "dataset/dispersion.py"),
)

Scores = NDArray[np.float64]
# Scores of several recipes, by name, of a list of wordings, by models trained on some arms.
Make = Callable[[Arms, Sequence[str]], Mapping[str, Scores]]


@dataclass(frozen=True, kw_only=True)
class Split:
    """Earlier tests in folds, later ones, and the encoder.

    Args:
        folds: Earlier groups; doubtful ones help to train.
        trained: Arms that train what the later tests judge.
        later: The later groups.
        arms: Their arms.
        encoder: Encoder with its vectors on the disk.
        kept: Store of scores.
    """

    folds: Folds
    trained: Arms
    later: tuple[ContrastGroup, ...]
    arms: Arms
    encoder: CachedEncoder
    kept: Checkpoints


def load_split(spec: str = "", *, layers_only: bool = False) -> Split:
    """Return the split of the archive, with an encoder and its vectors, or those of its layers."""
    if not ARCHIVE.exists():
        sys.exit(f"{ARCHIVE} is absent: this benchmark needs the shared data")
    groups = build_groups(read_history(ARCHIVE, "upworthy").rows).groups
    suspect = tuple(group for group in groups if group.suspect)
    sound = [group for group in groups if not group.suspect]
    later = tuple(group for group in sound if _day(group) >= FIRST_LATER_DAY)
    earlier = [group for group in sound if _day(group) < FIRST_LATER_DAY]
    helpers = Helpers(groups=suspect, trust=np.full(len(suspect), SUSPECT_TRUST))
    if leaks := find_leaks([*earlier, *suspect], later):
        sys.exit(f"the split leaks: {leaks[0]}")
    encoder = CachedEncoder(load_encoder(spec), CACHE)
    texts = stack_arms(groups).texts
    layers = layers_of(encoder)
    for each in (layers,) if layers and layers_only else (encoder, layers):
        if each is not None:
            each.encode(texts)
    trust = np.concatenate([np.ones(len(earlier)), helpers.trust])
    return Split(
        folds=make_folds(earlier, N_FOLDS, rng=np.random.default_rng(SEED), helpers=helpers),
        trained=stack_arms([*earlier, *suspect], trust=trust),
        later=later,
        arms=stack_arms(later),
        encoder=encoder,
        kept=Checkpoints(KEPT, key=_key(groups, encoder)),
    )


def later_scores(split: Split, names: Sequence[str], make: Make) -> dict[str, Scores]:
    """Return the scores of the later wordings, kept or made."""
    texts = split.arms.texts
    return _kept(split, "later", names, partial(make, split.trained, texts))


def fold_scores(
    split: Split, names: Sequence[str], make: Make, *, number: int
) -> dict[str, Scores]:
    """Return the scores of the wordings of one fold of the earlier tests, kept or made."""
    texts = [split.folds.arms.texts[at] for at in np.flatnonzero(_inside(split.folds, number))]
    return _kept(split, f"fold-{number}", names, partial(_make_fold, split, number, texts, make))


def has_kept_folds(split: Split, names: Sequence[str]) -> bool:
    """Return whether the scores of every fold are kept from earlier runs."""

    def missing() -> Scores:
        raise LookupError

    try:
        for number in range(N_FOLDS):
            for name in names:
                split.kept.keep(f"{name}-fold-{number}", missing)
    except LookupError:
        return False
    return True


def join_folds(split: Split, by_fold: Sequence[Scores]) -> tuple[Folds, Scores]:
    """Return the first folds as folds of their own, and the scores of their wordings."""
    folds, count = split.folds, len(by_fold)
    scores = np.full(len(folds.arms.texts), np.nan)
    for number, each in enumerate(by_fold):
        scores[_inside(folds, number)] = each
    is_done = folds.fold < count
    groups = tuple(compress(folds.groups, is_done))
    arms = stack_arms(groups)
    done = replace(
        folds,
        groups=groups,
        fold=folds.fold[is_done],
        arms=arms,
        pairs=pair_arms(arms),
        joins_later=folds.joins_later[is_done],
    )
    return done, scores[is_done[folds.arms.group]]


def make_by(strategy: Strategy) -> Make:
    """Return what makes the scores of one strategy."""
    return lambda arms, texts: {strategy.name: strategy.fit(arms).score(texts)}


def fold_sums(folds: Folds, scores: Scores) -> GroupSums:
    """Return the sums of out-of-fold scores on the earlier tests."""
    gap = scores[folds.pairs.first] - scores[folds.pairs.second]
    logit = gap * cross_fitted_slopes(gap, folds)
    return group_sums(Predictions(arms=folds.arms, pairs=folds.pairs, scores=scores, logit=logit))


def later_sums(
    split: Split, scores: Scores, joined: tuple[Folds, Scores] | None = None
) -> GroupSums:
    """Return the sums of scores on the later tests, calibrated on the earlier ones.

    Without folds of the earlier tests the one slope is the later tests' own: the same favour for
    every strategy that is compared.
    """
    pairs = pair_arms(split.arms)
    gap = scores[pairs.first] - scores[pairs.second]
    slope = fit_slope(gap, pairs.first_won)
    if joined:
        folds, earlier = joined
        known = folds.pairs
        slope = fit_slope(earlier[known.first] - earlier[known.second], known.first_won)
    return group_sums(Predictions(arms=split.arms, pairs=pairs, scores=scores, logit=gap * slope))


def paired(sums: GroupSums, other: GroupSums) -> dict[str, Any]:
    """Return the gains of one over another on the same groups, with 90 % paired intervals."""
    rates = {"accuracy_all": ("hits", "pairs"), "accuracy_p05": ("sure_hits", "sure_pairs")}
    rates |= {"log_loss_gain": ("loss", "pairs")}
    found: dict[str, Any] = {}
    for name, (top, bottom) in rates.items():
        both = {"one": sums[top], "other": other[top], "n": sums[bottom]}
        sign = -1.0 if name == "log_loss_gain" else 1.0
        whole, drawn = total(both), resample(both, rng=np.random.default_rng(SEED))
        value = float((sign * (whole["one"] - whole["other"]) / whole["n"])[0])
        draws = sign * (drawn["one"] - drawn["other"]) / drawn["n"]
        found[name] = interval(value, draws, level=0.9).record()
    return found


def _kept(
    split: Split, part: str, names: Sequence[str], make: Callable[[], Mapping[str, Scores]]
) -> dict[str, Scores]:
    """Return scores by name from the disk; if one is missing, all that are made together."""
    made: dict[str, Scores] = {}

    def one(name: str) -> Scores:
        if not made:
            made.update(make())
        return made[name]

    return {name: split.kept.keep(f"{name}-{part}", partial(one, name)) for name in names}


def _inside(folds: Folds, number: int) -> NDArray[np.bool_]:
    return np.asarray((folds.fold == number)[folds.arms.group])


def _make_fold(split: Split, number: int, texts: Sequence[str], make: Make) -> Mapping[str, Scores]:
    return make(split.folds.training_arms(number), texts)


def _day(group: ContrastGroup) -> date:
    if group.ended_on is None:
        sys.exit(f"test {group.test}: no date")
    return group.ended_on


def _key(groups: Sequence[ContrastGroup], encoder: CachedEncoder) -> str:
    code = sorted(path for name in DECISIVE for path in (PROJECT / "ml").glob(name))
    parts = [hash_groups(groups), encoder.fingerprint, *map(file_sha256, code)]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:32]
