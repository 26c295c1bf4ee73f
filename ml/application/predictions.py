"""Predictions of the active predictor: ranked wordings, sorted lists, and its summary.

Everything heavy is imported inside the functions that need it. A web process may call
`ask_scoring_service`, `active_number` and `active_summary`; the others belong into a worker, a
command or the scoring service.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.crypto import salted_hmac
from opentelemetry import trace

from ml import registry
from ml.application import scoring_client
from ml.application.copy_advice import suggest
from ml.application.predictor_loading import PredictorError, expected_failures, model_dir, scorer
from ml.presentation.messages import STRATEGIES
from ml.scoring.context import RankingRequest

if TYPE_CHECKING:
    from ml.scoring.results import Reason

logger = logging.getLogger(__name__)
# Does nothing until the project sets where traces go.
tracer = trace.get_tracer(__name__)


def rank_wordings(
    request: RankingRequest, *, explained: bool = False, suggested: int = 0
) -> dict[str, Any]:
    """Rank wordings with the active predictor, or give the reason for refusing.

    Args:
        request: Wordings, the control, and their target.
        explained: Say what each word does, too.
        suggested: Maximum number of rewordings to propose, best first.

    Returns:
        `predictor` (its number, or None), the fields of `ml.scoring.results.ScoringOutcome`, and
        `suggestions`: the fields of `rewordings.Suggestion` with `chance` and `lift`, which
        are None without a prediction.

    Raises:
        PredictorError: If the stored predictor or its encoder cannot be used.
    """
    from ml.errors import EncoderMissingError
    from ml.scoring.ranked_rewordings import rank_rewordings
    from ml.scoring.results import Reason

    version = registry.active_version()
    texts, control, meant = request.wordings, request.control, request.context
    if version is None:
        return _refuse(request, Reason(code="no_predictor", params={}), None, suggested)
    with expected_failures():
        try:
            found_by = scorer(version, fast=True)
        except EncoderMissingError as error:
            missing = Reason(code="encoder_missing", params={"encoder": error.name})
            return _refuse(request, missing, version.number, suggested)
        outcome = found_by.score(texts, control=control, context=meant, explained=explained)
        found = rank_rewordings(found_by, texts, control=control, context=meant, count=suggested)
    suggestions = [
        {**asdict(each.suggestion), "chance": each.chance, "lift": each.lift and asdict(each.lift)}
        for each in found
    ]
    return {"predictor": version.number, **asdict(outcome), "suggestions": suggestions}


def _refuse(
    request: RankingRequest, reason: "Reason", number: int | None, suggested: int
) -> dict[str, Any]:
    """Return what `rank_wordings` does where nothing can be predicted: unranked suggestions."""
    from ml.scoring.results import refuse_all

    texts, control = list(request.wordings), request.control
    asked = [control, *texts] if control is not None and control not in texts else texts
    outcome = refuse_all(asked, reason)
    suggestions = suggest(asked, locale=request.context.locale, count=suggested)
    return {"predictor": number, **asdict(outcome), "suggestions": suggestions}


def rank_list(texts: Sequence[str]) -> dict[str, Any]:
    """Sort very many wordings with the student of the active predictor, without loading torch.

    Args:
        texts: Wordings, any number.

    Returns:
        `predictor`, `fidelity` of the student, and `wordings`, best first, each with `score`
        (centred log click rate) and `known_share` of its words.

    Raises:
        PredictorError: If no predictor is active, it cannot be used, or it has no student.
    """
    from ml.scoring.artifacts import load_student

    version = registry.active_version()
    if version is None:
        raise PredictorError("no_predictor", {})
    with expected_failures():
        student = load_student(model_dir() / version.artifact)
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


def ask_scoring_service(
    request: RankingRequest, *, explained: bool = False, suggested: int = 0
) -> dict[str, Any] | None:
    """Return `rank_wordings` of the scoring service; None if it does not answer in time.

    Loads nothing, so a web process may call it.

    Args:
        request: As in `rank_wordings`.
        explained: As in `rank_wordings`.
        suggested: As in `rank_wordings`.
    """
    question = {
        "texts": request.wordings,
        "control": request.control,
        "explained": explained,
        "suggested": suggested,
        **asdict(request.context),
    }
    with tracer.start_as_current_span("POST /score", kind=trace.SpanKind.CLIENT) as span:
        try:
            return scoring_client.post_question(
                settings.CTAOPT_SCORING_URL,
                question,
                token=token(),
                timeout_s=settings.CTAOPT_SCORING_TIMEOUT_S,
            )
        except scoring_client.ServiceSilentError as error:
            span.set_status(trace.StatusCode.ERROR)
            logger.info("no answer from the scoring service: %s", error)
            return None


def token() -> str:
    """Return what the scoring service asks of its callers: known to this installation only."""
    return accepted_tokens()[0]


def accepted_tokens() -> list[str]:
    """Return the tokens of the secret and of those that it replaces: web first, scoring later."""
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    # Web and scoring service may be of two versions during an upgrade; never rename.
    return [
        salted_hmac("ctaopt.scoring", "1", secret=secret, algorithm="sha256").hexdigest()
        for secret in secrets
    ]


def active_number() -> int | None:
    """Return the number of the predictor in use, or None."""
    version = registry.active_version()
    return version.number if version else None


def active_damage() -> str:
    """Return what is wrong with the files of the active predictor; empty if nothing is."""
    from ml.errors import ArtifactError
    from ml.scoring.artifacts import verify_artifact

    version = registry.active_version()
    if version is None:
        return ""
    try:
        verify_artifact(model_dir() / version.artifact)
    except (ArtifactError, OSError) as error:
        return str(error)
    return ""


def scoring_answers(*, timeout_s: float = 2.0) -> bool:
    """Return whether the scoring service answers at its address.

    Args:
        timeout_s: Seconds to wait.
    """
    return scoring_client.is_answering(settings.CTAOPT_SCORING_URL, timeout_s=timeout_s)


def active_summary() -> dict[str, Any] | None:
    """Return number, strategy, time, data, metrics and ceiling of the active predictor, or None.

    `later` has the number of later tests, which no choice had seen, and the figures on them; None
    without them.
    """
    version = registry.active_version()
    if version is None:
        return None
    confirmation = version.training_record.get("confirmation")
    later = confirmation["metrics"].get(version.strategy) if confirmation else None
    return {
        "number": version.number,
        "strategy": version.strategy,
        "strategy_name": str(STRATEGIES[version.strategy]),
        "created_at": version.created_at,
        "data": version.training_record["data"],
        "metrics": version.training_record["metrics"][version.strategy],
        "ceiling": version.training_record["ceiling"],
        "later": {"groups": confirmation["groups"], "metrics": later}
        if confirmation and later
        else None,
    }
