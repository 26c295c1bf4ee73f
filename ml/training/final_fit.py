"""Final fit of the chosen strategy on all groups, with everything stored beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import numpy as np

from ml.dataset.contrast_groups import ContrastGroup, normalise_text, stack_arms
from ml.dataset.training_dataset import TrainingDataset
from ml.evaluation.abstention import choose_limits, measure_strangeness
from ml.evaluation.cross_validation import Helpers
from ml.evaluation.metrics import summarise
from ml.evaluation.selective_prediction import measure_risk
from ml.evaluation.surface_spread import measure_surfaces
from ml.history.row import HistoryRow
from ml.language.transfer import Represent, main_language, measure_transfer, other_language
from ml.progress import Progress, no_progress
from ml.scoring.applicability import Domain, measure_domain
from ml.scoring.artifacts import Artifact
from ml.scoring.context_offsets import project
from ml.scoring.explanations import check_deletion
from ml.scoring.manifest import (
    AbstentionRecord,
    AnswersRecord,
    DeletionRecord,
    LanguageRecord,
    Manifest,
    RiskRecord,
    SurfaceRecord,
    TraceRecord,
)
from ml.scoring.similar_wordings import past_wordings
from ml.strategies.base import FittedStrategy, Representation, Strategy
from ml.strategies.candidates import LABEL_FREE_VECTORS
from ml.training.candidate_trials import Trial
from ml.training.context_offset_selection import OffsetSelection, select_offsets
from ml.training.manifest import as_plain

# Past wordings on which explanations are checked: each is scored once a word, and then some.
N_EXPLAINED = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Training material of the chosen strategy.

    Args:
        data: Dataset of the groups that judged, too.
        helpers: Groups that only train.
        texts: Every wording of the history, tested against another or not.
    """

    data: TrainingDataset
    helpers: Helpers
    texts: Sequence[str] = ()

    @property
    def everything(self) -> list[ContrastGroup]:
        """Those that judge, then those that only train."""
        return [*self.data.groups, *self.helpers.groups]


def gather_material(
    rows: Sequence[HistoryRow], data: TrainingDataset, *, suspect_trust: float
) -> Material:
    """Return what trains: undoubted groups, doubtful ones as far as they are trusted, all texts.

    Args:
        rows: Past tests.
        data: Their dataset.
        suspect_trust: Weight of a doubtful group, in [0, 1]; 0 leaves them out.
    """
    suspect = tuple(each for each in data.history.groups if each.suspect and suspect_trust > 0)
    return Material(
        data=data,
        helpers=Helpers(groups=suspect, trust=np.full(len(suspect), suspect_trust)),
        texts=[normalise_text(row.text) for row in rows],
    )


def final_fit(
    strategy: Strategy,
    material: Material,
    *,
    trial: Trial,
    record: Manifest,
    rng: np.random.Generator,
    progress: Progress = no_progress,
) -> tuple[Artifact, FittedStrategy]:
    """Fit the chosen strategy on everything and gather what scoring needs.

    Args:
        strategy: Strategy that the gate chose.
        material: Training material.
        trial: Its results on held-out groups.
        record: Manifest of the trials and the gate.
        rng: Source of draws.
        progress: Called with the fraction done.

    Returns:
        The content to be stored, and the strategy as it was fitted.

    Raises:
        ValueError: If the strategy reads no text.
    """
    data = material.data
    groups, arms = data.groups, data.arms
    trust = np.concatenate([np.ones(len(groups)), material.helpers.trust])
    fitted = strategy.fit(stack_arms(material.everything, trust=trust), progress=progress)
    vectors = fitted.represent(arms.texts)
    if vectors is None:
        raise ValueError(f"strategy: {strategy.name!r} reads no text and cannot be served")
    dispersion = data.dispersion or 1.0
    label_free = vectors if strategy.name in LABEL_FREE_VECTORS else None
    reduced, projection = project(label_free, len(arms.texts))
    selection = select_offsets(
        trial.held,
        trial.sums,
        reduced,
        calibration=trial.calibration,
        dispersion=dispersion,
        seed=record["seed"],
    )
    answers = _answers_record(selection, fitted, arms.texts, dispersion=dispersion, rng=rng)
    domain = measure_domain(groups, data.components, vectors, rng=rng)
    domain, answers["abstention"] = _calibrated(domain, selection, vectors, rng)
    parts = fitted.parts()
    artifact = Artifact(
        strategy=strategy.name,
        parts=parts,
        calibration=selection.calibration,
        domain=domain,
        past=past_wordings(groups),
        past_vectors=vectors.astype(np.float16) if isinstance(vectors, np.ndarray) else None,
        manifest={
            **record,
            **as_plain(answers),
            "language": _language_transfer(groups, fitted, vectors, rng),
            "tuning": _traces(parts.words),
        },
        offsets={
            factor: offset.in_space_of(projection) for factor, offset in selection.offsets.items()
        },
    )
    return artifact, fitted


def _calibrated(
    domain: Domain,
    selection: OffsetSelection,
    vectors: Representation,
    rng: np.random.Generator,
) -> tuple[Domain, AbstentionRecord]:
    """Return the domain with limits that held-out tests set, and what these would refuse."""
    held = selection.held[0]
    strangeness = measure_strangeness(held.folds, vectors)
    abstention = choose_limits(held.folds, held.predictions, strangeness, rng=rng)
    limits = abstention.limits
    calibrated = replace(
        domain,
        max_unseen_share=limits["unseen_words"],
        max_distance=limits["far_from_training"],
    )
    return calibrated, abstention.record


def _surfaces(selection: OffsetSelection, *, dispersion: float) -> dict[str, SurfaceRecord]:
    """Return the spread of each form; none is shrunk that has an offset, which has a slope."""
    held = selection.held[0]
    found = measure_surfaces(held.folds.groups, held.predictions, dispersion=dispersion)
    offset = selection.offsets.get("form")
    learned = offset.levels if offset else ()
    return {
        form: {**record, "shrinkage": 1.0} if form in learned else record
        for form, record in found.items()
    }


def _language_transfer(
    groups: Sequence[ContrastGroup],
    fitted: FittedStrategy,
    vectors: Representation,
    rng: np.random.Generator,
) -> LanguageRecord | None:
    """Return how the predictor answers in a language it did not learn from; None if unknown."""
    if not isinstance(vectors, np.ndarray):
        return None
    main = main_language([(group.locale, text) for group in groups for text in group.texts])
    other = other_language(main)
    if other is None:
        return None
    transfer = measure_transfer(
        fitted.score,
        cast("Represent", fitted.represent),
        vectors,
        main=main,
        other=other,
        rng=rng,
    )
    return cast("LanguageRecord", asdict(transfer))


def _answers_record(
    selection: OffsetSelection,
    fitted: FittedStrategy,
    texts: Sequence[str],
    *,
    dispersion: float,
    rng: np.random.Generator,
) -> AnswersRecord:
    """Return the held-out record of the answers: offsets, risk, faithfulness of explanations."""
    risk = measure_risk(
        selection.held[0].predictions, selection.calibration, rng=rng, dispersion=dispersion
    )
    sample = [texts[at] for at in rng.permutation(len(texts))[:N_EXPLAINED]]
    check = check_deletion(sample, fitted.score, rng=rng)
    return {
        "departures": {**selection.record, "metrics": summarise(selection.sums, rng=rng).record()},
        "risk": cast("RiskRecord", asdict(risk)),
        "surfaces": _surfaces(selection, dispersion=dispersion),
        "explanations": None if check is None else cast("DeletionRecord", asdict(check)),
    }


def _traces(words: Mapping[str, Any]) -> list[TraceRecord]:
    """Return how the training of each network went that was tuned, in a stack or alone."""
    nested = [each for each in words.values() if isinstance(each, Mapping)]
    return [trace for each in (words, *nested) for trace in each.get("courses", ())]
