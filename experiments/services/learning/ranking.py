"""Ranking of wordings by the predictor, at once or as a job.

Only the facade `ml.predict` is called; it loads torch in the worker, never in a web process.
"""

import logging
from collections.abc import Mapping
from typing import Any

from prometheus_client import Counter

from experiments.models import Site
from experiments.selectors import history
from experiments.services.learning.jobs import JobFailedError, ProgressCallback
from ml import predict

logger = logging.getLogger(__name__)

N_SUGGESTED = 8
RANKINGS = Counter("ctaopt_rankings_total", "Rankings asked for, by who does them.", ("by",))


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
    return without_foreign_wordings(outcome, request)


def rank_at_once(request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the scoring service's ranking; None if it does not answer in time."""
    outcome = predict.ask_scoring_service(
        predict.RankingRequest.from_fields(request),
        explained=True,
        suggested=N_SUGGESTED,
    )
    if outcome is None:
        RANKINGS.labels("worker").inc()
        logger.warning(
            "the scoring service did not rank %s wordings: a worker does, in seconds",
            len(request["wordings"]),
        )
        return None
    RANKINGS.labels("scoring").inc()
    return without_foreign_wordings(outcome, request)


def without_foreign_wordings(
    outcome: Mapping[str, Any], request: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a ranking that shows past wordings of the asking site and of those that teach others.

    The predictor may have learned from a site that has said no since, and from one that was alone
    then; a wording of no such site is left out.
    """
    readable = history.teaching_sites() | Site.objects.filter(key=request.get("site") or "")
    if not Site.objects.exclude(pk__in=readable.values("pk")).exists():
        return dict(outcome)
    shown = [near for row in outcome["wordings"] for near in row.get("nearest", ())]
    known = history.wordings_on(
        readable,
        tests={near["test"] for near in shown},
        texts={near["text"] for near in shown},
    )
    return {
        **outcome,
        "wordings": [
            {
                **row,
                "nearest": [n for n in row.get("nearest", ()) if (n["test"], n["text"]) in known],
            }
            for row in outcome["wordings"]
        ],
    }
