"""Training, judging and comparing predictors; for a worker or a command.

Everything heavy is imported inside the functions that need it.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from ml import registry
from ml.application.predictor_loading import (
    PredictorError,
    cached_encoder,
    expected_failures,
    model_dir,
    scorer,
    training_encoders,
)
from ml.history.row import HistoryRow
from ml.models import PredictorVersion
from ml.scoring.manifest import LearningCurveRecord, Manifest
from ml.training.options import Choices

if TYPE_CHECKING:
    from ml.training.pipeline import TrainingResult
    from ml.training.transfer_settings import TransferComparison

# Called with the fraction done in [0, 1] and a stage, see `describe_stage`.
Progress = Callable[[float, str], None]


class TrainingOutcome(TypedDict):
    """Version that a training made; `strategy` is None if nothing passed the gate."""

    # Stored with the job of the training; never rename.
    number: int
    status: str
    strategy: str | None
    manifest: Manifest


def train(
    rows: Iterable[HistoryRow],
    *,
    now: datetime,
    seed: int = 0,
    progress: Progress | None = None,
    choices: Choices | None = None,
    source: Iterable[HistoryRow] = (),
) -> TrainingOutcome:
    """Train, let the gate choose, and serve what passed; otherwise keep the active predictor.

    The best strategy without tuning is served as soon as it passed, unless the active predictor is
    a tuned one; a training that is broken off later leaves it in use.

    Args:
        rows: Past tests.
        now: Time of the training.
        seed: Seed of folds and bootstrap draws, >= 0.
        progress: Told fraction and stage.
        choices: Options of the operator; the defaults if left out.
        source: Tests of another site or audience, which may train as far as they resemble.

    Returns:
        `number` and `status` of the new version, `strategy` (None if nothing passed) and the
        `manifest`.

    Raises:
        PredictorError: If there is too little history, no usable encoder, or no room on the disk.
    """
    from ml.training.manifest import read_commit
    from ml.training.pipeline import TrainingSettings
    from ml.training.pipeline import train as train_core

    name = f"predictor-{now:%Y%m%dT%H%M%S}-{uuid4().hex[:6]}"
    with expected_failures():
        first, *others = training_encoders(model_dir() / "cache")
        result = train_core(
            rows,
            encoder=first,
            settings=TrainingSettings(
                folder=model_dir() / name,
                seed=seed,
                code_commit=read_commit(Path(settings.BASE_DIR)),
                now=now,
                choices=choices or Choices(),
                source=tuple(source),
                # Stored; never rename.
                unfinished=model_dir() / "unfinished",
                processes=settings.CTAOPT_TRAINING_PROCESSES,
                other_encoders=tuple(others),
                serve_first=None if _is_tuned() else partial(_serve_first, now=now),
            ),
            progress=progress or (lambda _fraction, _stage: None),
        )
    version = _register(result, model_dir() / name, now=now)
    return {
        "number": version.number,
        "status": version.status,
        "strategy": result.served,
        "manifest": result.manifest,
    }


def _register(result: "TrainingResult", folder: Path, *, now: datetime) -> PredictorVersion:
    """Store the result of a training as a version, and serve it if it passed the gate."""
    with transaction.atomic():
        version = registry.register_version(
            strategy=result.served,
            artifact=folder.name if result.served else "",
            manifest=result.manifest,
            now=now,
        )
        if result.served:
            registry.promote_version(number=version.number)
            version.refresh_from_db()
    return version


def _is_tuned() -> bool:
    """Return whether the active predictor is a tuned one, which an untuned one may not replace."""
    from ml.strategies.candidates import TUNED

    active = registry.active_version()
    return active is not None and active.strategy in TUNED


def _serve_first(first: "TrainingResult", folder: Path, *, now: datetime) -> None:
    """Serve what needed no tuning, unless an interrupted training served the same before."""
    active = registry.active_version()
    if active and _origin(active.training_record) == _origin(first.manifest):
        shutil.rmtree(folder)
        return
    _register(first, folder, now=now)


def _origin(record: Manifest) -> tuple[str, ...]:
    """Return what makes two untuned predictors equal: tests, strategy, encoder, seed and code."""
    return (
        record["data"]["sha256"],
        str(record["gate"]["served"]),
        record["configuration"]["encoder"]["fingerprint"],
        str(record["seed"]),
        record["code_commit"],
    )


def evaluate(rows: Iterable[HistoryRow], *, seed: int = 0) -> dict[str, Any]:
    """Judge the active predictor on labelled past tests.

    Args:
        rows: Past tests; suspect ones are left out.
        seed: Seed of the bootstrap draws.

    Returns:
        `predictor`, `strategy` and the fields of `ml.evaluation.predictor_evaluation.Judgement`.

    Raises:
        PredictorError: If no predictor is active, it cannot be used, or no test remains.
    """
    from ml.dataset.contrast_groups import build_groups
    from ml.evaluation.predictor_evaluation import NoGroupsError, judge

    version = registry.active_version()
    if version is None:
        raise PredictorError("no_predictor", {})
    dataset = build_groups(rows)
    with expected_failures():
        judged = scorer(version)
    try:
        judgement = judge(judged, dataset, seed=seed)
    except NoGroupsError as error:
        raise PredictorError("no_groups", {"suspect": len(dataset.groups)}) from error
    return {"predictor": version.number, "strategy": version.strategy, **asdict(judgement)}


def new_contrasts(rows: Iterable[HistoryRow]) -> int:
    """Return by how many contrast groups a history has grown since the last training.

    The last training counts whether it promoted something or not. 0 while there are too few
    groups to train at all. Belongs into a worker.

    Args:
        rows: Past tests.
    """
    from ml.dataset.contrast_groups import build_groups
    from ml.training.candidate_trials import MIN_GROUPS

    found = sum(not group.suspect for group in build_groups(rows).groups)
    version = PredictorVersion.objects.order_by("-number").first()
    before = version.training_record["data"]["groups"] if version else 0
    return max(0, found - before) if found >= MIN_GROUPS else 0


def compare_transfer(
    source: Iterable[HistoryRow],
    target: Iterable[HistoryRow],
    *,
    seed: int = 0,
    adapt: bool = False,
) -> "TransferComparison":
    """Compare ways to use a labelled source for a target; nothing is stored.

    Args:
        source: Tests of another site or audience.
        target: Tests of the site that predictions are for; they judge.
        seed: Seed of splits and draws, >= 0.
        adapt: Adapt the encoder to the target's texts, too; takes minutes.

    Returns:
        `source` (likeness, effective sample size), `target_groups`, and metrics by setting.

    Raises:
        PredictorError: If a side has too few tests, or no encoder is usable.
    """
    from ml.errors import EncoderError
    from ml.fine_tuning.domain_adaptation import adapt_encoder
    from ml.fine_tuning.transformer_layers import tunable
    from ml.training.transfer_settings import compare_settings

    with expected_failures():
        encoder = cached_encoder(model_dir() / "cache")
        behind = tunable(encoder)
        if adapt and behind is None:
            raise EncoderError(f"encoder {encoder.name!r}: it is none of the BERT family")
        return compare_settings(
            source,
            target,
            encoder,
            seed=seed,
            adapt=(lambda texts: adapt_encoder(behind, texts, seed=seed))
            if adapt and behind
            else None,
        )


def learning_curves(
    rows: Iterable[HistoryRow],
    *,
    strategies: Sequence[str] | None = None,
    n_splits: int = 4,
    seed: int = 0,
    progress: Callable[[float], None] = lambda _fraction: None,
) -> dict[str, Any]:
    """Measure accuracy on held-out tests by the number of tests learned from.

    Args:
        rows: Past tests.
        strategies: Keys of the strategies; None: those that take seconds.
        n_splits: Splits into judged and teaching tests, >= 1.
        seed: Seed of the splits, >= 0.
        progress: Told the fraction done.

    Returns:
        `groups`, `splits`, `curves`, `growth` and `data_saving`; nothing is stored.

    Raises:
        PredictorError: If there are too few tests, or no usable encoder.
    """
    from ml.training.history_learning_curves import QUICK
    from ml.training.history_learning_curves import learning_curves as measure

    with expected_failures():
        return measure(
            rows,
            encoder=cached_encoder(model_dir() / "cache"),
            strategies=strategies or QUICK,
            n_splits=n_splits,
            seed=seed,
            progress=progress,
        )


def keep_learning_curves(result: Mapping[str, Any], *, now: datetime) -> int | None:
    """Keep what `learning_curves` found on the archive, for the page of the active predictor.

    Args:
        result: From `learning_curves`.
        now: Time of the measurement.

    Returns:
        Number of the version that has them now; None if no predictor is active.
    """
    names = ("groups", "splits", "curves", "growth")
    record = {name: result[name] for name in names} | {"measured_at": now.isoformat()}
    return registry.keep_learning_curve(cast(LearningCurveRecord, record))


def roll_back(number: int) -> bool:
    """Bring a retired predictor back; return False if it is not retired.

    Args:
        number: Number of the version.

    Raises:
        PredictorError: If its files are damaged or gone; the active predictor then stays.
    """
    from ml.scoring.artifacts import verify_artifact

    version = PredictorVersion.objects.filter(
        number=number, status=PredictorVersion.Status.RETIRED
    ).first()
    if version is None:
        return False
    with expected_failures():
        verify_artifact(model_dir() / version.artifact)
    return registry.roll_back_to(number=number)


def archived_rows() -> Iterator[HistoryRow]:
    """Return the rows of the product's own archive, from `settings.CTAOPT_HISTORY_SOURCE`."""
    return cast("Iterator[HistoryRow]", import_string(settings.CTAOPT_HISTORY_SOURCE)())
