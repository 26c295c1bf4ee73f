"""Manifest of a training: data, code, options, environment and results of a predictor."""

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from ml.dataset.contrast_groups import ContrastGroup
from ml.dataset.later_tests import LaterTests
from ml.dataset.training_dataset import TrainingDataset
from ml.encoders.base import Encoder, languages_of
from ml.evaluation.metrics import summarise
from ml.evaluation.noise_ceiling import noise_ceiling
from ml.language.locales import primary_tag
from ml.scoring.manifest import (
    CeilingRecord,
    ConfigurationRecord,
    ConfirmationRecord,
    HistoryRecord,
    LeftOutRecord,
)
from ml.strategies.candidates import Lineup
from ml.training.candidate_trials import N_FOLDS, Trial, count_repeats

Record = TypeVar("Record", bound=Mapping[str, object])

LIBRARIES = ("numpy", "scipy", "scikit-learn", "sentence-transformers", "torch", "transformers")


def record_data(data: TrainingDataset) -> HistoryRecord:
    """Return what the history was: counts, hash, languages, audiences.

    Args:
        data: Dataset of the training.

    >>> from ml.dataset.contrast_groups import build_groups
    >>> from ml.dataset.training_dataset import training_dataset
    >>> record_data(training_dataset(build_groups([])))["groups"]
    0
    """
    groups, arms, pairs = data.groups, data.arms, data.pairs
    return {
        "sha256": hash_groups(groups),
        "groups": len(groups),
        "arms": len(arms.texts),
        "visitors": int(arms.visitors.sum()),
        "clicks": int(arms.clicks.sum()),
        "pairs": len(pairs),
        "pairs_p05": int(np.count_nonzero(pairs.p_value < 0.05)),
        "tied_pairs": pairs.ties,
        "suspect_groups": len(data.history.groups) - len(groups),
        "single_wording_groups": data.history.single_text,
        "groups_without_clicks": data.history.no_clicks,
        "dispersion": data.dispersion,
        "locales": dict(Counter(primary_tag(group.locale) for group in groups)),
        "audiences": dict(Counter(group.audience for group in groups)),
        "forms": dict(Counter(group.form for group in groups)),
        "median_words": float(np.median([len(text.split()) for text in arms.texts] or [0])),
    }


def record_ceilings(data: TrainingDataset, *, rng: np.random.Generator) -> CeilingRecord:
    """Return the noise ceilings of the pair accuracy.

    Args:
        data: Dataset of the training.
        rng: Source of the bootstrap draws.
    """
    arms, dispersion = data.arms, data.dispersion
    return {
        "binomial": noise_ceiling(arms, rng=rng).record(),
        "overdispersed": None
        if dispersion is None
        else noise_ceiling(arms, rng=rng, dispersion=dispersion).record(),
    }


def record_confirmation(
    later: LaterTests, trials: Mapping[str, Trial], *, seed: int
) -> ConfirmationRecord:
    """Return which tests confirmed the choice, and each strategy's figures on later ones.

    Args:
        later: The split in time.
        trials: Trial of each strategy, by its key.
        seed: Seed of the bootstrap draws, >= 0.
    """
    rng = np.random.default_rng(seed)
    return {
        "rule": later.rule,
        "groups": int(np.count_nonzero(later.is_later)),
        "since": later.since.isoformat() if later.since else None,
        "undated": later.undated,
        "metrics": {
            name: summarise(sums, rng=rng).record()
            for name, trial in trials.items()
            if (sums := trial.on_later) is not None
        },
    }


def record_left_out(lineup: Lineup) -> list[LeftOutRecord]:
    """Return the strategies that were not tried, with the reasons.

    Args:
        lineup: Strategies of the training.
    """
    return [cast("LeftOutRecord", asdict(strategy)) for strategy in lineup.left_out]


def record_configuration(encoder: Encoder, n_groups: int) -> ConfigurationRecord:
    """Return what was configured and with which libraries it ran.

    Args:
        encoder: Pretrained encoder.
        n_groups: Groups trained on, which decide how often folds were drawn.
    """
    return {
        "folds": N_FOLDS,
        "repeats": count_repeats(n_groups),
        "encoder": {
            "name": encoder.name,
            "fingerprint": encoder.fingerprint,
            "dimension": encoder.dimension,
            "languages": list(languages_of(encoder)),
        },
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def as_plain(record: Record) -> Record:
    """Return a record as it will be read back from JSON.

    Args:
        record: Results; numbers are finite.

    Raises:
        ValueError: If a number is not finite.

    >>> as_plain({"verdicts": ("passed",)})
    {'verdicts': ['passed']}
    """
    return cast("Record", json.loads(json.dumps(record, allow_nan=False)))


def read_commit(root: Path) -> str:
    """Return the commit that is checked out in a folder; empty outside a git repository.

    Args:
        root: Folder of the code.

    >>> read_commit(Path("/nowhere"))
    ''
    """
    entry = root / ".git"
    if entry.is_file():  # a worktree: "gitdir: /path"
        entry = root / entry.read_text().removeprefix("gitdir:").strip()
    if not (entry / "HEAD").is_file():
        return ""
    head = (entry / "HEAD").read_text().strip()
    if not head.startswith("ref: "):
        return head
    reference = head.removeprefix("ref: ")
    common = entry / "commondir"
    shared = entry / common.read_text().strip() if common.is_file() else entry
    if (shared / reference).is_file():
        return (shared / reference).read_text().strip()
    packed = shared / "packed-refs"
    lines = packed.read_text().splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {reference}")), "")


def hash_groups(groups: Sequence[ContrastGroup]) -> str:
    """Return a SHA-256 of the groups that does not depend on their order.

    Args:
        groups: Contrast groups.

    >>> hash_groups([]) == hashlib.sha256(b"[]").hexdigest()
    True
    """
    lines = sorted(json.dumps(_json_fields(group), sort_keys=True) for group in groups)
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()


def _json_fields(group: ContrastGroup) -> Mapping[str, Any]:
    """Return a group as JSON holds it; one without a date as it was before groups had dates."""
    fields = asdict(group) | {"assets": sorted(group.assets)}
    ended_on = fields.pop("ended_on")
    return fields if ended_on is None else fields | {"ended_on": ended_on.isoformat()}
