"""The predictor, asked by this service: learn from the archive, rank wordings, say how good it is.

Only the facade `ml.predict` is called; it loads torch in the worker, never in a web process.
"""

from collections.abc import Mapping
from typing import Any

from experiments.services.learning.jobs import JobFailedError, ProgressCallback
from ml import predict

# For whom and where wordings are meant.
CONTEXT = ("audience", "locale", "form", "placement")
N_SUGGESTED = 8


def rank(request: Mapping[str, Any], _: ProgressCallback) -> dict[str, Any]:
    """Rank the wordings of a request: `wordings`, `control`, and `CONTEXT` where it is stated.

    Raises:
        JobFailedError: If the predictor in use cannot be loaded.
    """
    try:
        outcome = predict.score(
            request["wordings"],
            control=request["control"],
            context={name: request.get(name, "") for name in CONTEXT},
            explained=True,
            suggested=N_SUGGESTED,
        )
    except predict.PredictorError as error:
        raise JobFailedError(str(error)) from error
    return outcome


def rank_at_once(request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what `rank` would, from the scoring service; None if it does not answer in time."""
    return predict.ask_service(
        request["wordings"],
        control=request["control"],
        context={name: request.get(name, "") for name in CONTEXT},
        explained=True,
        suggested=N_SUGGESTED,
    )
