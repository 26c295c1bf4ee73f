"""Training pipeline: history rows -> candidates -> cross-validation -> gate -> stored predictor."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, cast

import numpy as np

from ml.checkpoints import Checkpoints, forget_old, keep_nothing, source_digest
from ml.dataset.contrast_groups import (
    ContrastGroup,
    build_groups,
    normalise_text,
    stack_arms,
)
from ml.dataset.later_tests import LaterTests, split_by_date
from ml.dataset.training_dataset import TrainingDataset, training_dataset
from ml.encoders.base import Encoder, layers_of
from ml.errors import TooLittleHistoryError
from ml.evaluation.cross_validation import Helpers
from ml.evaluation.metrics import summarise
from ml.evaluation.promotion_gate import GateDecision, decide
from ml.history.row import HistoryRow
from ml.progress import Progress
from ml.scoring.artifacts import Artifact, publish_artifact
from ml.scoring.manifest import (
    ConfirmationRecord,
    EncoderTrialRecord,
    GateRecord,
    LeftOutRecord,
    Manifest,
)
from ml.strategies.base import FittedStrategy, Strategy
from ml.strategies.candidates import Lineup, Tuning, frozen, line_up
from ml.strategies.instance_transfer import WithSource
from ml.training.candidate_trials import (
    N_FOLDS,
    Trial,
    TrialSettings,
    as_candidate,
    try_strategies,
)
from ml.training.compression import add_fast_parts
from ml.training.encoder_choice import choose_encoder
from ml.training.final_fit import Material, final_fit
from ml.training.manifest import (
    as_plain,
    hash_groups,
    record_ceilings,
    record_configuration,
    record_data,
)
from ml.training.model_card import model_card
from ml.training.options import Choices
from ml.training.transfer_source import Source, prepare_source

# Below this nothing could pass the gate, and every figure would be noise.
MIN_GROUPS = 20

DEFAULTS = Choices()

# Fraction done once wordings are embedded, strategies are compared, and one is fitted.
EMBEDDING_END, TRIALS_END, FIT_END = 0.3, 0.75, 0.85

Stage = Literal["embedding", "cross_validation", "final_fit", "fast_parts"]
# Called with the fraction done in [0, 1] and the stage, a code that a page translates.
TrainingProgress = Callable[[float, Stage], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """Settings of a training.

    Args:
        folder: Folder to create for a predictor that passes the gate.
        seed: Seed of folds and bootstrap draws, >= 0.
        code_commit: Commit of the running code, for the record; empty when unknown.
        now: Time of the training, for the record.
        choices: Options of the operator.
        source: Tests of another site or audience, which may train as far as they resemble.
        unfinished: Folder for finished folds, from which an interrupted training goes on; None
            keeps nothing.
        processes: Processes that fine-tune a network together, >= 1.
        other_encoders: Further encoders with caches, compared with the given one.
    """

    folder: Path
    seed: int
    code_commit: str
    now: datetime
    choices: Choices = DEFAULTS
    source: tuple[HistoryRow, ...] = ()
    unfinished: Path | None = None
    processes: int = 1
    other_encoders: tuple[Encoder, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """Results of a training.

    Args:
        served: Key of the strategy that passed the gate and was stored; None for none.
        manifest: Record of the training.
    """

    served: str | None
    manifest: Manifest


def train(
    rows: Iterable[HistoryRow],
    *,
    encoder: Encoder,
    settings: TrainingSettings,
    progress: TrainingProgress,
) -> TrainingResult:
    """Train every strategy, let the gate choose, and store what it chose.

    Args:
        rows: Past tests; suspect ones may train but never judge.
        encoder: Pretrained encoder with a cache: texts are encoded many times. Those of
            `settings` take its place if they win.
        settings: Settings of the training.
        progress: Called with the fraction done and the stage.

    Raises:
        TooLittleHistoryError: If there are too few tests.
        OSError: If the predictor cannot be stored.
    """
    rows = list(rows)
    data = training_dataset(build_groups(rows))
    refuse_too_little(data)
    material = _material(rows, data, settings.choices)
    later = split_by_date(data.groups, data.components)
    trial_settings = _trial_settings(material, later, settings.seed)
    encoders = (encoder, *settings.other_encoders)
    encoder, tried = _choose_encoder(encoders, material, trial_settings, progress)
    lineup = _line_up(encoder, len(data.groups), settings)
    rng = np.random.default_rng(settings.seed)
    source = prepare_source(settings.source, data, encoder, rng=rng)
    strategies = (*lineup.strategies, *_source_strategies(encoder, source))
    steps = open_checkpoints(_trainers(material, source), encoder, settings)
    trials = try_strategies(
        strategies,
        data.groups,
        settings=trial_settings,
        progress=_stage(progress, "cross_validation", EMBEDDING_END, TRIALS_END),
        keep=steps.keep if steps else keep_nothing,
    )
    candidates = [as_candidate(each, trials[each.name]) for each in strategies]
    decision = decide(candidates, seed=settings.seed)
    record = _trial_record(material, trials, decision, encoder=encoder, settings=settings)
    record |= {"source": source.record if source else None, "left_out": _left_out_records(lineup)}
    record["encoders"] = tried
    record["confirmation"] = _confirmation_record(later, trials, seed=settings.seed)
    record = as_plain(record)
    served = next((each for each in strategies if each.name == decision.served), None)
    if served:
        artifact, fitted = _fit(
            served, material, trials[served.name], record, settings=settings, progress=progress
        )
        record = _store(
            artifact, fitted, material, encoder=encoder, settings=settings, progress=progress
        )
    if steps:
        steps.clear()
    progress(1.0, "fast_parts" if decision.served else "cross_validation")
    return TrainingResult(served=decision.served, manifest=record)


def open_checkpoints(
    groups: Sequence[ContrastGroup], encoder: Encoder, settings: TrainingSettings
) -> Checkpoints | None:
    """Return the store of a training's finished folds; None if they are not kept.

    Args:
        groups: Everything that trains.
        encoder: Pretrained encoder.
        settings: Settings of the training.
    """
    if settings.unfinished is None:
        return None
    forget_old(settings.unfinished, now=settings.now)
    decisive = (
        hash_groups(groups),
        encoder.fingerprint,
        source_digest(),
        str(settings.seed),
        repr((settings.choices, settings.processes)),
    )
    key = hashlib.sha256(" ".join(decisive).encode()).hexdigest()[:32]
    return Checkpoints(settings.unfinished, key=key)


def _trial_settings(material: Material, later: LaterTests, seed: int) -> TrialSettings:
    return TrialSettings(
        seed=seed,
        dispersion=material.data.dispersion or 1.0,
        helpers=material.helpers,
        is_later=later.is_later if later.rule == "later" else None,
    )


def _line_up(encoder: Encoder, n_groups: int, settings: TrainingSettings) -> Lineup:
    early = settings.choices.early_stopping
    tuning = Tuning(n_processes=settings.processes, early_stopping=early)
    return line_up(encoder, n_groups, asked=settings.choices.strategies, tuning=tuning)


def _fit(
    strategy: Strategy,
    material: Material,
    trial: Trial,
    record: Manifest,
    *,
    settings: TrainingSettings,
    progress: TrainingProgress,
) -> tuple[Artifact, FittedStrategy]:
    """Fit the strategy that the gate chose on all tests."""
    progress(TRIALS_END, "final_fit")
    return final_fit(
        strategy,
        material,
        trial=trial,
        record=record,
        rng=np.random.default_rng(settings.seed),
        progress=_stage(progress, "final_fit", TRIALS_END, FIT_END),
    )


def _store(
    artifact: Artifact,
    fitted: FittedStrategy,
    material: Material,
    *,
    encoder: Encoder,
    settings: TrainingSettings,
    progress: TrainingProgress,
) -> Manifest:
    """Store a predictor with its fast parts and return its manifest."""
    complete = add_fast_parts(
        artifact,
        fitted,
        groups=material.everything,
        texts=material.texts,
        encoder=encoder,
        progress=_stage(progress, "fast_parts", FIT_END, 1.0),
    )
    card = model_card(artifact.manifest, served=artifact.strategy)
    return publish_artifact(complete, folder=settings.folder, card=card)


def _trainers(material: Material, source: Source | None) -> list[ContrastGroup]:
    return [*material.everything, *(source.groups if source else ())]


def _source_strategies(encoder: Encoder, source: Source | None) -> tuple[Strategy, ...]:
    if source is None:
        return ()
    return (WithSource(inner=frozen(encoder), source=source.arms, trust=source.ratios),)


def _material(rows: Sequence[HistoryRow], data: TrainingDataset, choices: Choices) -> Material:
    suspect = tuple(
        each for each in data.history.groups if each.suspect and choices.suspect_trust > 0
    )
    return Material(
        data=data,
        helpers=Helpers(groups=suspect, trust=np.full(len(suspect), choices.suspect_trust)),
        texts=[normalise_text(row.text) for row in rows],
    )


def _trial_record(
    material: Material,
    trials: Mapping[str, Trial],
    decision: GateDecision,
    *,
    encoder: Encoder,
    settings: TrainingSettings,
) -> Manifest:
    """Return the record of the trials and of the gate."""
    data, rng = material.data, np.random.default_rng(settings.seed)
    trust = settings.choices.suspect_trust if material.helpers.groups else 0.0
    return {
        "created_at": settings.now.isoformat(),
        "seed": settings.seed,
        "code_commit": settings.code_commit,
        "configuration": record_configuration(encoder, len(data.groups)),
        "data": {**record_data(data), "suspect_trust": trust},
        "ceiling": record_ceilings(data, rng=rng),
        "metrics": {
            name: summarise(trial.on_folds, rng=rng).record() for name, trial in trials.items()
        },
        "gate": cast("GateRecord", asdict(decision)),
    }


def _confirmation_record(
    later: LaterTests, trials: Mapping[str, Trial], *, seed: int
) -> ConfirmationRecord:
    """Return which tests confirmed the choice, and each strategy's figures on later ones."""
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


def _left_out_records(lineup: Lineup) -> list[LeftOutRecord]:
    return [cast("LeftOutRecord", asdict(strategy)) for strategy in lineup.left_out]


def _choose_encoder(
    encoders: Sequence[Encoder],
    material: Material,
    settings: TrialSettings,
    progress: TrainingProgress,
) -> tuple[Encoder, list[EncoderTrialRecord]]:
    """Fill the caches of all encoders, and return the one that wins, with the trials of all."""
    readouts = [each for encoder in encoders for each in (encoder, layers_of(encoder)) if each]
    texts = stack_arms(material.everything).texts
    for at, each in enumerate(readouts):
        start, end = (EMBEDDING_END * (at + part) / len(readouts) for part in (0, 1))
        each.encode(texts, progress=_stage(progress, "embedding", start, end))
    choice = choose_encoder(
        encoders,
        material.data.groups,
        settings=settings,
        progress=_stage(progress, "embedding", EMBEDDING_END, EMBEDDING_END),
    )
    return choice.encoder, choice.record


def _stage(progress: TrainingProgress, stage: Stage, start: float, end: float) -> Progress:
    """Return a callback that maps progress in [0, 1] to that of a stage in [start, end]."""
    return lambda done: progress(start + (end - start) * done, stage)


def refuse_too_little(data: TrainingDataset) -> None:
    """Raise `TooLittleHistoryError` if a history can neither train nor judge.

    Args:
        data: Dataset of the history.
    """
    if len(data.groups) < MIN_GROUPS:
        raise TooLittleHistoryError("groups", len(data.groups), MIN_GROUPS)
    if data.n_components < N_FOLDS:
        raise TooLittleHistoryError("components", data.n_components, N_FOLDS)
    if not len(data.pairs):
        raise TooLittleHistoryError("pairs", 0, 1)
