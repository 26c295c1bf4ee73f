"""Training pipeline: history rows -> candidates -> cross-validation -> gate -> stored predictor."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from ml.checkpoints import Checkpoints, Keep, forget_old, keep_nothing, source_digest
from ml.dataset.contrast_groups import (
    ContrastGroup,
    build_groups,
    stack_arms,
)
from ml.dataset.later_tests import LaterTests, split_by_date
from ml.dataset.training_dataset import training_dataset
from ml.encoders.base import Encoder
from ml.evaluation.metrics import summarise
from ml.evaluation.promotion_gate import GateDecision, decide
from ml.history.row import HistoryRow
from ml.progress import Progress, no_progress
from ml.scoring.artifacts import Artifact, publish_artifact
from ml.scoring.manifest import (
    EncoderTrialRecord,
    GateRecord,
    Manifest,
)
from ml.strategies.base import FittedStrategy, Strategy
from ml.strategies.candidates import Tuning, frozen, line_up, quick_ones
from ml.strategies.instance_transfer import WithSource
from ml.training.candidate_trials import (
    Trial,
    TrialSettings,
    as_candidate,
    refuse_too_little,
    remembering,
    try_strategies,
)
from ml.training.compression import add_fast_parts
from ml.training.encoder_choice import choose_encoder, fill_caches
from ml.training.final_fit import Material, final_fit, gather_material
from ml.training.manifest import (
    as_plain,
    hash_groups,
    record_ceilings,
    record_configuration,
    record_confirmation,
    record_data,
    record_left_out,
)
from ml.training.model_card import model_card
from ml.training.options import Choices
from ml.training.transfer_source import Source, prepare_source

DEFAULTS = Choices()

# Fraction done once wordings are embedded, strategies are compared, and one is fitted; in between,
# if there are strategies to tune, once the others are compared and the best of them is served.
EMBEDDING_END, FIRST_TRIALS_END, FIRST_END, TRIALS_END, FIT_END = 0.3, 0.35, 0.4, 0.75, 0.85

Stage = Literal["embedding", "cross_validation", "tuning", "final_fit", "fast_parts"]
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
        serve_first: Called with the best strategy without tuning and its folder, if it passed the
            gate, before tuning begins; None: nothing is served before the end.
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
    serve_first: "Callable[[TrainingResult, Path], None] | None" = None


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
    material = gather_material(rows, data, suspect_trust=settings.choices.suspect_trust)
    later = split_by_date(data.groups, data.components)
    trial_settings = _trial_settings(material, later, settings.seed)
    encoders = (encoder, *settings.other_encoders)
    encoder, tried = _choose_encoder(encoders, material, trial_settings, progress)
    tuning = Tuning(n_processes=settings.processes, early_stopping=settings.choices.early_stopping)
    lineup = line_up(encoder, len(data.groups), asked=settings.choices.strategies, tuning=tuning)
    rng = np.random.default_rng(settings.seed)
    source = prepare_source(settings.source, data, encoder, rng=rng)
    steps = open_checkpoints(_trainers(material, source), encoder, settings)
    stages = _Stages(
        strategies=(*lineup.strategies, *_source_strategies(encoder, source)),
        material=material,
        encoder=encoder,
        later=later,
        trial_settings=trial_settings,
        keep=remembering(steps.keep if steps else keep_nothing),
        fixed={
            "source": source.record if source else None,
            "left_out": record_left_out(lineup),
            "encoders": tried,
        },
        settings=settings,
        progress=progress,
    )
    result = stages.run()
    if steps:
        steps.clear()
    progress(1.0, "fast_parts" if result.served else "cross_validation")
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stages:
    """Stages of a training after the choice of its encoder: trials, gate, fit, storing."""

    strategies: tuple[Strategy, ...]
    material: Material
    encoder: Encoder
    later: LaterTests
    trial_settings: TrialSettings
    keep: Keep
    fixed: Mapping[str, Any]
    settings: TrainingSettings
    progress: TrainingProgress

    def run(self) -> TrainingResult:
        quick = quick_ones(self.strategies)
        if self.settings.serve_first is None or len(quick) == len(self.strategies):
            trials = self._try(self.strategies, "cross_validation", EMBEDDING_END, TRIALS_END)
            return self._store(self.strategies, trials, None)
        trials = self._try(quick, "cross_validation", EMBEDDING_END, FIRST_TRIALS_END)
        first = self._serve_first(quick, trials)
        slow = self.strategies[len(quick) :]
        stage: Stage = "tuning" if first else "cross_validation"
        trials |= self._try(slow, stage, FIRST_END, TRIALS_END)
        return self._store(self.strategies, trials, first)

    def _try(
        self, strategies: Sequence[Strategy], stage: Stage, start: float, end: float
    ) -> dict[str, Trial]:
        trials = try_strategies(
            strategies,
            self.material.data.groups,
            settings=self.trial_settings,
            progress=_stage(self.progress, stage, start, end),
            keep=self.keep,
        )
        return dict(trials)

    def _decide(
        self, strategies: Sequence[Strategy], trials: Mapping[str, Trial]
    ) -> tuple[Strategy | None, Manifest]:
        """Return the strategy to serve, if any, and the record of the trials and the gate."""
        candidates = [as_candidate(each, trials[each.name]) for each in strategies]
        decision = decide(candidates, seed=self.settings.seed)
        record = _trial_record(
            self.material, trials, decision, encoder=self.encoder, settings=self.settings
        )
        confirmation = record_confirmation(self.later, trials, seed=self.settings.seed)
        whole: Manifest = as_plain(
            cast("Manifest", {**record, **self.fixed, "confirmation": confirmation})
        )
        return next((each for each in strategies if each.name == decision.served), None), whole

    def _serve_first(
        self, quick: Sequence[Strategy], trials: Mapping[str, Trial]
    ) -> tuple[Artifact, FittedStrategy] | None:
        """Store and hand over the best strategy without tuning, which takes much longer.

        The gate compares a strategy with simpler ones only, so that its verdict on these is final:
        tuning can replace what is served first, but never refute it.
        """
        served, record = self._decide(quick, trials)
        if served is None or self.settings.serve_first is None:
            return None
        artifact, fitted = self._fit(served, trials, record, FIRST_TRIALS_END, FIRST_END)
        folder = self.settings.folder.with_name(f"{self.settings.folder.name}-first")
        # Its student, for long lists, would take minutes.
        bare = replace(self.material, texts=())
        manifest = _publish(artifact, fitted, bare, encoder=self.encoder, folder=folder)
        self.settings.serve_first(TrainingResult(served=served.name, manifest=manifest), folder)
        self.progress(FIRST_END, "tuning")
        return artifact, fitted

    def _fit(
        self,
        strategy: Strategy,
        trials: Mapping[str, Trial],
        record: Manifest,
        start: float,
        end: float,
    ) -> tuple[Artifact, FittedStrategy]:
        """Fit the strategy that the gate chose on all tests."""
        self.progress(start, "final_fit")
        return final_fit(
            strategy,
            self.material,
            trial=trials[strategy.name],
            record=record,
            rng=np.random.default_rng(self.settings.seed),
            progress=_stage(self.progress, "final_fit", start, end),
        )

    def _store(
        self,
        strategies: Sequence[Strategy],
        trials: Mapping[str, Trial],
        first: tuple[Artifact, FittedStrategy] | None,
    ) -> TrainingResult:
        served, record = self._decide(strategies, trials)
        if served is None:
            return TrainingResult(served=None, manifest=record)
        if first and first[0].strategy == served.name:
            # It was fitted on the same tests; only more has been compared with it since.
            artifact, fitted = first
            artifact = replace(artifact, manifest={**artifact.manifest, **record})
        else:
            artifact, fitted = self._fit(served, trials, record, TRIALS_END, FIT_END)
        manifest = _publish(
            artifact,
            fitted,
            self.material,
            encoder=self.encoder,
            folder=self.settings.folder,
            progress=_stage(self.progress, "fast_parts", FIT_END, 1.0),
        )
        return TrainingResult(served=served.name, manifest=manifest)


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


def _publish(
    artifact: Artifact,
    fitted: FittedStrategy,
    material: Material,
    *,
    encoder: Encoder,
    folder: Path,
    progress: Progress = no_progress,
) -> Manifest:
    """Store a predictor with its fast parts and return its manifest."""
    complete = add_fast_parts(
        artifact,
        fitted,
        groups=material.everything,
        texts=material.texts,
        encoder=encoder,
        progress=progress,
    )
    card = model_card(artifact.manifest, served=artifact.strategy)
    return publish_artifact(complete, folder=folder, card=card)


def _trainers(material: Material, source: Source | None) -> list[ContrastGroup]:
    return [*material.everything, *(source.groups if source else ())]


def _source_strategies(encoder: Encoder, source: Source | None) -> tuple[Strategy, ...]:
    if source is None:
        return ()
    return (WithSource(inner=frozen(encoder), source=source.arms, trust=source.ratios),)


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


def _choose_encoder(
    encoders: Sequence[Encoder],
    material: Material,
    settings: TrialSettings,
    progress: TrainingProgress,
) -> tuple[Encoder, list[EncoderTrialRecord]]:
    """Fill the caches of all encoders, and return the one that wins, with the trials of all."""
    fill_caches(
        encoders,
        stack_arms(material.everything).texts,
        progress=_stage(progress, "embedding", 0.0, EMBEDDING_END),
    )
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
