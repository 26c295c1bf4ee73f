"""Past predictions beside the tests that followed them: what was expected, and what came of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from experiments.models import Experiment, Job, PastTest, Site
from experiments.selectors import history
from experiments.stats.health.prediction_drift import Drift, prediction_drift

MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPrediction:
    """The wording of a finished test that a ranking before it had liked best of the test's own.

    `chance` is that of what was predicted, at least one half; `came_true`: the wording did better
    than the control, or worse where that was predicted.
    """

    experiment: Experiment
    text: str
    is_for: bool
    chance: float
    came_true: bool


def past_predictions(*, sites: QuerySet[Site], most: int = MOST) -> list[PastPrediction]:
    """Return the latest predictions whose tests have ended, one a test.

    Args:
        sites: Sites whose tests are looked at.
        most: Predictions to return; 100 tests are looked through for them.
    """
    tests = list(history.own_past_tests(sites=sites)[:100])
    controls = {_control_of(test) for test in tests}
    rankings = list(history.rankings_against(controls, sites=sites))
    found: list[PastPrediction] = []
    for test in tests:
        prediction = _prediction(test, rankings)
        if prediction is not None and len(found) < most:
            found.append(prediction)
    return found


def drift_of(predictions: Iterable[PastPrediction]) -> Drift:
    """Return how many came true, beside what their chances promised."""
    rows = list(predictions)
    return prediction_drift([row.chance for row in rows], [row.came_true for row in rows])


def _control_of(test: PastTest) -> str:
    return next((str(arm["text"]) for arm in test.arms if arm["is_control"]), "")


def _prediction(test: PastTest, rankings: Iterable[Job]) -> PastPrediction | None:
    """Return what the last ranking before the start said of the test's wordings."""
    experiment = test.experiment
    if experiment is None or experiment.started_at is None:
        return None
    control = _control_of(test)
    logs = {
        arm["text"]: arm["log"]
        for arm in test.arms
        if not arm["is_control"] and arm["log"] is not None
    }
    for job in rankings:
        is_before = job.created_at <= experiment.started_at
        if not is_before or job.request["control"] != control or not _fits(job, test):
            continue
        known = [row for row in _answered(job) if row["text"] in logs]
        if known:
            best = max(known, key=lambda row: float(row["chance"]))
            return _compared(experiment, best, log=logs[best["text"]])
    return None


def _fits(job: Job, test: PastTest) -> bool:
    return job.site_id == test.site_id and job.request.get("slot_pk") in (None, test.slot_id)


def _answered(job: Job) -> Iterator[Mapping[str, Any]]:
    for row in (job.result or {}).get("wordings", ()):
        if not row["is_control"] and row["chance"] is not None:
            yield row


def _compared(experiment: Experiment, row: Mapping[str, Any], *, log: float) -> PastPrediction:
    chance = float(row["chance"])
    is_for = chance >= 0.5
    return PastPrediction(
        experiment=experiment,
        text=str(row["text"]),
        is_for=is_for,
        chance=chance if is_for else 1 - chance,
        came_true=log > 0 if is_for else log < 0,
    )
