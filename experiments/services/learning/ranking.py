"""Ranking of wordings by the predictor, at once or as a job.

Only the facade `ml.predict` is called; it loads torch in the worker, never in a web process.
"""

from collections.abc import Mapping
from typing import Any

from experiments.services.learning.jobs import JobFailedError, ProgressCallback
from ml import predict

N_SUGGESTED = 8


def rank_in_job(request: Mapping[str, Any], _: ProgressCallback) -> dict[str, Any]:
    """Rank the wordings of a job: the fields of `predict.RankingRequest`.

    Raises:
        JobFailedError: If the predictor in use cannot be loaded.
    """
    try:
        outcome = predict.rank_wordings(
            predict.RankingRequest.from_fields(request),
            explained=True,
            suggested=N_SUGGESTED,
        )
    except predict.PredictorError as error:
        raise JobFailedError(str(error)) from error
    return outcome


def rank_at_once(request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the scoring service's ranking; None if it does not answer in time."""
    return predict.ask_scoring_service(
        predict.RankingRequest.from_fields(request),
        explained=True,
        suggested=N_SUGGESTED,
    )
