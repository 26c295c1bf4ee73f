"""Rankings and trainings as their pages and the API show them."""

from collections.abc import Mapping, Sequence
from typing import Any

from ml import predict

# Wordings that are compared two by two: a wider table is read by nobody.
MOST_COMPARED = 12


def ranking_in_words(
    outcome: Mapping[str, Any], request: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a ranking as its page shows it: best first, reasons as sentences.

    Rankings of an earlier version lack some of what is shown.
    """
    fields = request or {}
    rows = [_row(row, fields) for row in outcome["wordings"]]
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
                **suggestion,
                "why": predict.describe_suggestion(suggestion),
                "lift_interval": _ends(suggestion["lift"]),
            }
            for suggestion in outcome.get("suggestions", ())
        ],
    }


def ranking_for_programs(outcome: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a ranking as the API gives it: as it was answered, each reason with its sentence."""
    return {
        **outcome,
        "refusal": _with_message(outcome["refusal"]),
        "notes": [_with_message(note) for note in outcome["notes"]],
        "wordings": [
            {
                **row,
                "refusal": _with_message(row["refusal"]),
                "checks": _row(row, request)["checks"],
                "principles": predict.principles_of(row["text"], locale=request["locale"]),
            }
            for row in outcome["wordings"]
        ],
        "suggestions": [
            {**suggestion, "message": predict.describe_suggestion(suggestion)}
            for suggestion in outcome.get("suggestions", ())
        ],
    }


def _with_message(reason: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if reason is None else {**reason, "message": predict.describe(reason)}


def _row(row: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    text, locale = row["text"], request.get("locale", "")
    return {
        **row,
        "reason": predict.describe(row["refusal"]) if row["refusal"] else None,
        "lift_interval": _ends(row["lift"]),
        "can_test": not row["is_control"] and not predict.is_no_wording(row["refusal"]),
        "checks": predict.inspect(
            text,
            locale=locale,
            form=request.get("form") or "button",
            position=request.get("placement") or None,
        ),
    }


def _ends(lift: Mapping[str, float] | None) -> tuple[float, float] | None:
    return (lift["low"], lift["high"]) if lift else None


def _pairs(
    rows: Sequence[Mapping[str, Any]],
    ranked: Sequence[Mapping[str, Any]],
    chances: Sequence[Sequence[float | None]],
) -> list[dict[str, Any]]:
    """Return the chance of each of the best wordings against the others, best first both ways."""
    place = {id(row): at for at, row in enumerate(rows)}
    columns = [row for row in ranked if row["rank"] is not None][:MOST_COMPARED]
    if not chances or len(columns) < 2:
        return []
    return [
        {
            "text": row["text"],
            "chances": [chances[place[id(row)]][place[id(other)]] for other in columns],
        }
        for row in columns
    ]


def training_in_words(outcome: predict.TrainingOutcome) -> dict[str, Any]:
    """Return a training as its page shows it."""
    manifest = outcome["manifest"]
    verdicts = manifest["gate"]["verdicts"]
    return {
        "number": outcome["number"],
        "promoted": outcome["strategy"] is not None,
        "sentences": [
            *predict.describe_confirmation(manifest),
            *(
                text
                for verdict in verdicts
                if (text := predict.describe_transfer(verdict["negative_transfer"]))
            ),
        ],
        "groups": manifest["data"]["groups"],
        "strategies": [
            {"name": predict.describe_strategy(name), **metrics}
            for name, metrics in manifest["metrics"].items()
        ],
        "passed": [verdict["name"] for verdict in verdicts if verdict["passed"]],
    }
