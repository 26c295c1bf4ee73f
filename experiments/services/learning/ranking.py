"""Ranking of wordings by the predictor, at once or as a job.

Only the facade `ml.predict` is called; it loads torch in the worker, never in a web process.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import Counter

from experiments.models import Site
from experiments.selectors import history
from experiments.services.learning.jobs import JobFailedError, ProgressCallback
from experiments.services.learning.wording_lab import sort_in_job
from ml import predict

logger = logging.getLogger(__name__)

N_SUGGESTED = 8
RANKINGS = Counter("ctaopt_rankings_total", "Rankings asked for, by who does them.", ("by",))


def rank_in_job(request: Mapping[str, Any], _: ProgressCallback) -> dict[str, Any]:
    """Rank the wordings of a job: the fields of `predict.RankingRequest`, or a long list.

    Raises:
        JobFailedError: If the predictor in use cannot be loaded.
    """
    if request.get("is_list"):
        return sort_in_job(request)
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
    then; a wording of no such site is left out, and one of another site is marked.
    """
    rows, suggestions = outcome["wordings"], outcome.get("suggestions")
    pairs = {(near["test"], near["text"]) for row in rows for near in row.get("nearest", ())}
    pairs |= {(each["source"], each["text"]) for each in suggestions or () if _is_past(each)}
    seen = _provenance(pairs, request.get("site") or "")
    shown = dict(outcome) | {
        "wordings": [
            {**row, "nearest": _shown(row.get("nearest", ()), "test", seen)} for row in rows
        ]
    }
    if suggestions is not None:
        shown["suggestions"] = [
            each
            for suggestion in suggestions
            for each in (
                _shown([suggestion], "source", seen) if _is_past(suggestion) else [suggestion]
            )
        ]
    return shown


def _is_past(suggestion: Mapping[str, Any]) -> bool:
    """Return whether it is a past wording, rather than made from one that was asked about."""
    return bool(suggestion["rule"] == "own_best")


def _provenance(pairs: set[tuple[str, str]], site_key: str) -> dict[tuple[str, str], bool]:
    """Return the pairs of a test and a wording that the site may see; True: of another site."""
    own = Site.objects.filter(key=site_key)
    readable = history.teaching_sites() | own
    names = {"tests": {test for test, _ in pairs}, "texts": {text for _, text in pairs}}
    known = history.wordings_on(readable, **names)
    foreign = known - history.wordings_on(own, **names) if own.exists() else set()
    if not Site.objects.exclude(pk__in=readable.values("pk")).exists():
        known |= pairs  # Nobody is left whose wordings they could be.
    return {pair: pair in foreign for pair in known}


def _shown(
    wordings: Sequence[Mapping[str, Any]], test: str, seen: Mapping[tuple[str, str], bool]
) -> list[dict[str, Any]]:
    """Return the past wordings that may be seen; those of another site are marked."""
    return [
        {**one, "of_another_site": True} if seen[pair] else dict(one)
        for one in wordings
        if (pair := (one[test], one["text"])) in seen
    ]
