"""The predictor, asked by this service: learn from the archive, rank wordings, say how good it is.

Only the facade `ml.predict` is called; it loads torch in the worker, never in a web process.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from experiments.models import Job
from experiments.services.archive import history_rows
from experiments.services.jobs import AlreadyTrainingError, JobFailedError, Report, create_job
from ml import predict

# Any fixed number: the same history makes the same predictor.
SEED = 20261122
# For whom and where wordings are meant.
CONTEXT = ("audience", "locale", "form", "placement")
N_SUGGESTED = 8


def train(_: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Learn from every past test; return what the job's page shows of it.

    Raises:
        JobFailedError: If the history does not allow it.
    """

    def tell(fraction: float, stage: str) -> None:
        report(fraction, predict.describe_stage(stage))

    try:
        return predict.train(history_rows(), now=timezone.now(), seed=SEED, progress=tell)
    except predict.PredictorError as error:
        raise JobFailedError(str(error)) from error


def start_due_training(*, now: datetime) -> Job | None:
    """Ask for a training if enough tests have finished since the last one; None if not.

    `CTAOPT_RETRAIN_AFTER_TESTS` contrasts of wordings are enough; 0: only people ask for one.
    """
    enough = settings.CTAOPT_RETRAIN_AFTER_TESTS
    if not enough:
        return None
    found = predict.new_contrasts(history_rows())
    if found < enough:
        return None
    try:
        return create_job(kind=Job.Kind.TRAINING, request={"new": found}, by=None, now=now)
    except AlreadyTrainingError:
        return None


def rank(request: Mapping[str, Any], _: Report) -> dict[str, Any]:
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


WORK = {Job.Kind.TRAINING: train, Job.Kind.RANKING: rank}


def ranking_in_words(
    outcome: Mapping[str, Any], request: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a ranking as its page shows it: best first, reasons as sentences.

    Rankings of an earlier version lack some of what is shown.
    """
    asked = request or {}
    rows = [_row(row, asked) for row in outcome["wordings"]]
    ranked = sorted(rows, key=lambda row: row["rank"] or len(rows) + 1)
    refusal = outcome["refusal"]
    return {
        "control": next((row["text"] for row in rows if row["is_control"]), None),
        "no_prediction": predict.describe(refusal) if refusal else None,
        "notes": [predict.describe(note) for note in outcome["notes"]],
        "wordings": ranked,
        "pairs": _pairs(rows, ranked, outcome.get("chances", ())),
        "suggestions": [
            {
                **each,
                "why": predict.describe_suggestion(each),
                "lift_interval": _ends(each["lift"]),
            }
            for each in outcome.get("suggestions", ())
        ],
    }


def ranking_for_programs(outcome: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a ranking as the API gives it: as it was answered, each reason with its sentence."""
    return {
        **outcome,
        "refusal": _told(outcome["refusal"]),
        "notes": [_told(note) for note in outcome["notes"]],
        "wordings": [
            {
                **row,
                "refusal": _told(row["refusal"]),
                "checks": _row(row, request)["checks"],
                "principles": predict.principles_of(row["text"], locale=request["locale"]),
            }
            for row in outcome["wordings"]
        ],
        "suggestions": [
            {**each, "message": predict.describe_suggestion(each)}
            for each in outcome.get("suggestions", ())
        ],
    }


def _told(reason: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if reason is None else {**reason, "message": predict.describe(reason)}


def _row(row: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    text, locale = row["text"], asked.get("locale", "")
    return {
        **row,
        "reason": predict.describe(row["refusal"]) if row["refusal"] else None,
        "lift_interval": _ends(row["lift"]),
        "can_test": not row["is_control"] and not predict.is_no_wording(row["refusal"]),
        "checks": predict.inspect(
            text,
            locale=locale,
            form=asked.get("form") or "button",
            position=asked.get("placement") or None,
        ),
    }


def _ends(lift: Mapping[str, float] | None) -> tuple[float, float] | None:
    return (lift["low"], lift["high"]) if lift else None


def _pairs(
    rows: Sequence[Mapping[str, Any]],
    ranked: Sequence[Mapping[str, Any]],
    chances: Sequence[Sequence[float | None]],
) -> list[dict[str, Any]]:
    """Return the chance of every answered wording against every other, best first both ways."""
    place = {id(row): at for at, row in enumerate(rows)}
    shown = [row for row in ranked if row["rank"] is not None]
    if not chances or len(shown) < 2:
        return []
    return [
        {
            "text": row["text"],
            "chances": [chances[place[id(row)]][place[id(other)]] for other in shown],
        }
        for row in shown
    ]


def training_in_words(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """Return a training as its page shows it."""
    manifest = outcome["manifest"]
    verdicts = manifest["gate"]["verdicts"]
    return {
        "number": outcome["number"],
        "promoted": outcome["strategy"] is not None,
        "sentences": [
            text
            for verdict in verdicts
            if (text := predict.describe_transfer(verdict["negative_transfer"]))
        ],
        "groups": manifest["data"]["groups"],
        "strategies": [
            {"name": predict.describe_strategy(name), **metrics}
            for name, metrics in manifest["metrics"].items()
        ],
        "passed": [verdict["name"] for verdict in verdicts if verdict["passed"]],
    }
