"""Choice of the encoder of a training among those that are installed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from ml.dataset.contrast_groups import ContrastGroup
from ml.encoders.base import Encoder, languages_of, layers_of
from ml.evaluation.metrics import summarise
from ml.evaluation.promotion_gate import decide
from ml.language.locales import primary_tag
from ml.progress import Progress, within
from ml.scoring.manifest import EncoderTrialRecord
from ml.strategies.candidates import frozen
from ml.strategies.frozen_head import FrozenHead
from ml.training.candidate_trials import Trial, TrialSettings, as_candidate, try_strategies


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderChoice:
    """The encoder of a training.

    Args:
        encoder: The encoder.
        record: Trial of each encoder, in the gate's order; empty if there is only one.
    """

    encoder: Encoder
    record: list[EncoderTrialRecord]


def fill_caches(encoders: Sequence[Encoder], texts: Sequence[str], *, progress: Progress) -> None:
    """Encode texts with every encoder, and with its layers if it has any.

    Args:
        encoders: Encoders with caches.
        texts: Wordings.
        progress: Called with the fraction done.
    """
    readouts = [each for encoder in encoders for each in (encoder, layers_of(encoder)) if each]
    for at, each in enumerate(readouts):
        each.encode(texts, progress=within(progress, at / len(readouts), 1 / len(readouts)))


def choose_encoder(
    encoders: Sequence[Encoder],
    groups: Sequence[ContrastGroup],
    *,
    settings: TrialSettings,
    progress: Progress,
) -> EncoderChoice:
    """Return the encoder that every strategy of a training starts from.

    Each is tried frozen, which takes seconds once its vectors are cached, and the gate decides as
    it does between strategies: the first of them stays unless a later one beats it, and all
    between, on folds and again on later tests (or nested).

    Args:
        encoders: Encoders with caches, the smallest first; at least one.
        groups: Contrast groups, none suspect.
        settings: Settings of the trials.
        progress: Called with the fraction done.
    """
    ordered = in_order(encoders, groups)
    if len(ordered) == 1:
        return EncoderChoice(encoder=ordered[0], record=[])
    strategies = [
        replace(cast("FrozenHead", frozen(each)), name=f"encoder-{at}")
        for at, each in enumerate(ordered)
    ]
    trials = try_strategies(strategies, groups, settings=settings, progress=progress)
    candidates = [as_candidate(each, trials[each.name]) for each in strategies]
    served = decide(candidates, seed=settings.seed).served
    chosen = next((at for at, each in enumerate(strategies) if each.name == served), 0)
    record = [
        _record(each, trials[strategy.name], seed=settings.seed, chosen=at == chosen)
        for at, (each, strategy) in enumerate(zip(ordered, strategies, strict=True))
    ]
    return EncoderChoice(encoder=ordered[chosen], record=record)


def in_order(encoders: Sequence[Encoder], groups: Sequence[ContrastGroup]) -> list[Encoder]:
    """Return the encoders as the gate compares them: those that read the history's language first.

    Args:
        encoders: Encoders, the smallest first.
        groups: Contrast groups; the language of most of them counts, if it is stated.
    """
    counts = Counter(primary_tag(group.locale) for group in groups)
    main = counts.most_common(1)[0][0] if counts else ""
    return sorted(encoders, key=lambda each: bool(main) and main not in languages_of(each))


def _record(encoder: Encoder, trial: Trial, *, seed: int, chosen: bool) -> EncoderTrialRecord:
    rng = np.random.default_rng(seed)
    return {
        "name": encoder.name,
        "fingerprint": encoder.fingerprint,
        "languages": list(languages_of(encoder)),
        "metrics": summarise(trial.on_folds, rng=rng).record(),
        "later": summarise(trial.on_later, rng=rng).record() if trial.on_later else None,
        "chosen": chosen,
    }
