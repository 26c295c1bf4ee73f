"""The facade: all that the rest of the product may ask of the predictor.

Everything heavy is imported inside the functions that need it, so that a web process may import
this module, read `active_summary` and `describe`, and never load torch. `train`, `evaluate` and
`score` belong into a worker or a command. Answers are plain JSON-able dicts.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string

from ml import client, registry
from ml.history.row import HistoryRow
from ml.messages import STRATEGIES, sentence
from ml.models import PredictorVersion
from ml.rules import (
    describe,
    describe_stage,
    describe_strategy,
    describe_suggestion,
    describe_transfer,
    inspect,
    is_no_wording,
    measure_principles,
    principles_of,
    suggest,
)
from ml.training.choices import Choices

if TYPE_CHECKING:
    from ml.embedding import CachedEncoder
    from ml.scoring import Scorer

logger = logging.getLogger(__name__)

# Beside what is defined here.
__all__ = [
    "describe",
    "describe_stage",
    "describe_strategy",
    "describe_suggestion",
    "describe_transfer",
    "inspect",
    "is_no_wording",
    "measure_principles",
    "principles_of",
    "suggest",
]

# Vectors of typed wordings that a scoring process keeps.
REMEMBERED_TEXTS = 20_000

# Called with the fraction done in [0, 1] and a stage, see `describe_stage`.
Progress = Callable[[float, str], None]


class PredictorError(Exception):
    """Expected failure; its text is a sentence for people in the current language.

    Args:
        code: Key of `ml.messages.SENTENCES`.
        params: Figures and names of the sentence.
    """

    def __init__(self, code: str, params: Mapping[str, Any]) -> None:
        self.code = code
        self.params = dict(params)
        super().__init__(sentence(code, params))


def train(
    rows: Iterable[HistoryRow],
    *,
    now: datetime,
    seed: int = 0,
    progress: Progress | None = None,
    choices: Choices | None = None,
    source: Iterable[HistoryRow] = (),
) -> dict[str, Any]:
    """Train, let the gate choose, and serve what passed; else the active predictor stays.

    Args:
        rows: Past tests.
        now: Time of the training.
        seed: Seed of folds and bootstrap draws, >= 0.
        progress: Told fraction and stage.
        choices: What the operator chose; the defaults if left out.
        source: Tests of another site or audience, which may train as far as they resemble.

    Returns:
        `number` and `status` of the new version, `strategy` (None if nothing passed) and the
        `manifest`: data, configuration, metrics, ceiling, gate.

    Raises:
        PredictorError: If there is too little history, no usable encoder, or no room on the disk.
    """
    from ml.training.record import read_commit
    from ml.training.trainer import TrainingSettings
    from ml.training.trainer import train as train_core

    name = f"predictor-{now:%Y%m%dT%H%M%S}-{uuid4().hex[:6]}"
    with _expected_failures():
        result = train_core(
            rows,
            encoder=_cached_encoder(_model_dir() / "cache"),
            settings=TrainingSettings(
                folder=_model_dir() / name,
                seed=seed,
                code_commit=read_commit(Path(settings.BASE_DIR)),
                now=now,
                choices=choices or Choices(),
                source=tuple(source),
                unfinished=_model_dir() / "unfinished",
                processes=settings.CTAOPT_TRAINING_PROCESSES,
            ),
            progress=progress or (lambda _fraction, _stage: None),
        )
    with transaction.atomic():
        version = registry.register_version(
            strategy=result.served,
            artifact=name if result.served else "",
            manifest=result.manifest,
            now=now,
        )
        if result.served:
            registry.promote_version(number=version.number)
            version.refresh_from_db()
    return {
        "number": version.number,
        "status": version.status,
        "strategy": result.served,
        "manifest": dict(result.manifest),
    }


def score(
    texts: Sequence[str],
    *,
    control: str | None = None,
    context: Mapping[str, str] | None = None,
    explained: bool = False,
    suggested: int = 0,
) -> dict[str, Any]:
    """Rank wordings with the active predictor, or say why not.

    Args:
        texts: Wordings.
        control: What they are compared with; it may be one of them.
        context: For whom and where: `audience`, `locale`, `form`, `placement`; what is left out
            is not stated.
        explained: Say what each word does, too.
        suggested: Propose at most so many rewordings to test, best first.

    Returns:
        `predictor` (its number, or None), the fields of `ml.answers.ScoringOutcome`, and
        `suggestions`: the fields of `ml.suggestions.Suggestion` with `chance` and `lift`, which
        are None where there is no prediction.

    Raises:
        PredictorError: If the stored predictor or its encoder cannot be used.
    """
    from ml.answers import Reason, refuse_all
    from ml.deviations import Context
    from ml.rewordings import rank_rewordings

    version = registry.active_version()
    asked = [control, *texts] if control is not None and control not in texts else list(texts)
    meant = Context(**(context or {}))
    if version is None:
        outcome = refuse_all(asked, Reason(code="no_predictor", params={}))
        suggestions = suggest(asked, locale=meant.locale, count=suggested)
        return {"predictor": None, **asdict(outcome), "suggestions": suggestions}
    with _expected_failures():
        scorer = _scorer(version, fast=True)
        outcome = scorer.score(texts, control=control, context=meant, explained=explained)
        found = rank_rewordings(scorer, texts, control=control, context=meant, count=suggested)
    suggestions = [
        {**asdict(each.suggestion), "chance": each.chance, "lift": each.lift and asdict(each.lift)}
        for each in found
    ]
    return {"predictor": version.number, **asdict(outcome), "suggestions": suggestions}


def rank_list(texts: Sequence[str]) -> dict[str, Any]:
    """Sort very many wordings with the student of the active predictor, without loading torch.

    Args:
        texts: Wordings, any number.

    Returns:
        `predictor`, `fidelity` of the student, and `wordings`, best first, each with `score`
        (centred log click rate) and `known_share` of its words.

    Raises:
        PredictorError: If there is no active predictor, it cannot be used, or it has no student.
    """
    from ml.artifacts import load_student

    version = registry.active_version()
    if version is None:
        raise PredictorError("no_predictor", {})
    with _expected_failures():
        student = load_student(_model_dir() / version.artifact)
    if student is None:
        raise PredictorError("no_student", {})
    scores = student.score(texts)
    scores = scores - scores.mean()
    shares = student.known_share(texts)
    order = sorted(range(len(texts)), key=lambda at: -scores[at])
    return {
        "predictor": version.number,
        "fidelity": student.fidelity,
        "wordings": [
            {"text": texts[at], "score": float(scores[at]), "known_share": float(shares[at])}
            for at in order
        ],
    }


def ask_service(
    texts: Sequence[str],
    *,
    control: str | None = None,
    context: Mapping[str, str] | None = None,
    explained: bool = False,
    suggested: int = 0,
) -> dict[str, Any] | None:
    """Return what `score` says, from the scoring service; None if that does not answer in time.

    Loads nothing, so a web process may call it.

    Args:
        texts: Wordings.
        control: What they are compared with; it may be one of them.
        context: As in `score`.
        explained: As in `score`.
        suggested: As in `score`.
    """
    question = {
        "texts": list(texts),
        "control": control,
        "explained": explained,
        "suggested": suggested,
        **(context or {}),
    }
    try:
        return client.ask(
            settings.CTAOPT_SCORING_URL,
            question,
            token=token(),
            timeout_s=settings.CTAOPT_SCORING_TIMEOUT_S,
        )
    except client.ServiceSilentError as error:
        logger.info("no answer from the scoring service: %s", error)
        return None


def token() -> str:
    """Return what the scoring service asks of its callers: known to this installation only."""
    return salted_hmac("ctaopt.scoring", "1", algorithm="sha256").hexdigest()


def active_number() -> int | None:
    """Return the number of the predictor in use, or None."""
    version = registry.active_version()
    return version.number if version else None


def evaluate(rows: Iterable[HistoryRow], *, seed: int = 0) -> dict[str, Any]:
    """Judge the active predictor on labelled past tests.

    Args:
        rows: Past tests; suspect ones are left out.
        seed: Seed of the bootstrap draws.

    Returns:
        `predictor`, `strategy` and the fields of `ml.evaluation.judge.Judgement`.

    Raises:
        PredictorError: If there is no active predictor, it cannot be used, or no test to judge on.
    """
    from ml.dataset.groups import build_groups
    from ml.evaluation.judge import NoGroupsError, judge

    version = registry.active_version()
    if version is None:
        raise PredictorError("no_predictor", {})
    dataset = build_groups(rows)
    with _expected_failures():
        scorer = _scorer(version)
    try:
        judgement = judge(scorer, dataset, seed=seed)
    except NoGroupsError as error:
        raise PredictorError("no_groups", {"suspect": len(dataset.groups)}) from error
    return {"predictor": version.number, "strategy": version.strategy, **asdict(judgement)}


def active_summary() -> dict[str, Any] | None:
    """Return number, strategy, time, data, metrics and ceiling of the active predictor, or None."""
    version = registry.active_version()
    if version is None:
        return None
    return {
        "number": version.number,
        "strategy": version.strategy,
        "strategy_name": str(STRATEGIES[version.strategy]),
        "created_at": version.created_at,
        "data": version.manifest["data"],
        "metrics": version.manifest["metrics"][version.strategy],
        "ceiling": version.manifest["ceiling"],
    }


def new_contrasts(rows: Iterable[HistoryRow]) -> int:
    """Return by how many contrast groups a history has grown since the last training.

    The last training counts whether it promoted something or not. 0 while there are too few
    groups to train at all. Belongs into a worker.

    Args:
        rows: Past tests.
    """
    from ml.dataset.groups import build_groups
    from ml.training.trainer import MIN_GROUPS

    found = sum(not group.suspect for group in build_groups(rows).groups)
    version = PredictorVersion.objects.order_by("-number").first()
    before = int(version.manifest["data"]["groups"]) if version else 0
    return max(0, found - before) if found >= MIN_GROUPS else 0


def compare_transfer(
    source: Iterable[HistoryRow],
    target: Iterable[HistoryRow],
    *,
    seed: int = 0,
    adapt: bool = False,
) -> dict[str, Any]:
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
    from ml.embedding import EncoderError
    from ml.strategies.adaptation import adapt_encoder
    from ml.strategies.network import tunable
    from ml.training.transfer import compare_settings

    with _expected_failures():
        encoder = _cached_encoder(_model_dir() / "cache")
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
    """Measure accuracy on held-out tests by the number of tests learned from; nothing is stored.

    Args:
        rows: Past tests.
        strategies: Keys of the strategies; None: those that take seconds.
        n_splits: Splits into judged and teaching tests, >= 1.
        seed: Seed of the splits, >= 0.
        progress: Told the fraction done.

    Returns:
        `groups`, `splits`, `curves`, `data_saving` and a `drawing` (SVG).

    Raises:
        PredictorError: If there are too few tests, or no usable encoder.
    """
    from ml.training.curves import QUICK
    from ml.training.curves import learning_curves as measure

    with _expected_failures():
        return measure(
            rows,
            encoder=_cached_encoder(_model_dir() / "cache"),
            strategies=strategies or QUICK,
            n_splits=n_splits,
            seed=seed,
            progress=progress,
        )


def roll_back(number: int) -> bool:
    """Bring a retired predictor back; return False if it is not retired.

    Args:
        number: Number of the version.

    Raises:
        PredictorError: If its files are damaged or gone; the active predictor then stays.
    """
    from ml.artifacts import verify_artifact

    version = PredictorVersion.objects.filter(
        number=number, status=PredictorVersion.Status.RETIRED
    ).first()
    if version is None:
        return False
    with _expected_failures():
        verify_artifact(_model_dir() / version.artifact)
    return registry.roll_back_to(number=number)


def archived_rows() -> Iterator[HistoryRow]:
    """Return the rows of the product's own archive, from `settings.CTAOPT_HISTORY_SOURCE`."""
    return cast("Iterator[HistoryRow]", import_string(settings.CTAOPT_HISTORY_SOURCE)())


@contextmanager
def _expected_failures() -> Iterator[None]:
    """Turn what can go wrong in the core into one error with a sentence."""
    from ml.artifacts import ArtifactError
    from ml.embedding import EncoderError
    from ml.training.trainer import TooLittleHistoryError

    try:
        yield
    except TooLittleHistoryError as error:
        params = {"found": error.found, "needed": error.needed}
        raise PredictorError(f"too_few_{error.kind}", params) from error
    except ArtifactError as error:
        raise PredictorError("damaged", {"detail": error}) from error
    except EncoderError as error:
        raise PredictorError("encoder", {"detail": error}) from error
    except OSError as error:
        raise PredictorError("disk", {"detail": error}) from error


def _model_dir() -> Path:
    return Path(settings.CTAOPT_MODEL_DIR)


def _cached_encoder(folder: Path | None) -> "CachedEncoder":
    from ml.embedding import CachedEncoder
    from ml.encoder import load_encoder

    limit = None if folder else REMEMBERED_TEXTS
    return CachedEncoder(load_encoder(settings.CTAOPT_ENCODER), folder, limit=limit)


@lru_cache(maxsize=2)
def _load(folder: Path, _encoder: str, *, fast: bool) -> "Scorer":
    from ml.int8 import Int8Encoder
    from ml.scoring import load_scorer

    make = (lambda: Int8Encoder(folder)) if fast else (lambda: _cached_encoder(None))
    return load_scorer(folder, make_encoder=make)


def _scorer(version: PredictorVersion, *, fast: bool = False) -> "Scorer":
    """Return the predictor in memory.

    Args:
        version: One with files.
        fast: On the int8 copy of its encoder, where training found that it says the same.
    """
    copy = version.manifest.get("fast_copy")
    # A folder never changes once it is published, so it is loaded once by each process.
    folder = _model_dir() / version.artifact
    return _load(folder, settings.CTAOPT_ENCODER, fast=fast and bool(copy and copy["is_equal"]))
