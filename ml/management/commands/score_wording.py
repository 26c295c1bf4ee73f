"""Rank wordings with the active predictor."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml import predict
from ml.management.output import as_json, table

CONTEXT = ("audience", "locale", "form", "placement")


class Command(BaseCommand):
    help = (
        "Rank wordings with the active predictor. They are compared with --control; without it, "
        "with the first wording."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("texts", nargs="+", metavar="TEXT", help="a wording")
        parser.add_argument("--control", metavar="TEXT", help="what the others are compared with")
        parser.add_argument("--audience", metavar="KEY", default="", help="everybody if left out")
        parser.add_argument("--locale", default="", help="language of the wordings, such as fr")
        parser.add_argument("--form", default="", help="button, link or spoken")
        parser.add_argument("--placement", default="", help="position, such as footer")
        parser.add_argument("--explain", action="store_true", help="say what each word does, too")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        texts = options["texts"]
        control = texts[0] if options["control"] is None else options["control"]
        try:
            found = predict.score(
                texts,
                control=control,
                context={name: options[name] for name in CONTEXT},
                explained=options["explain"],
            )
        except predict.PredictorError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(as_json(_with_messages(found) | {"control": control}))
        else:
            self.stdout.write(_report(found))


def _with_messages(found: dict[str, Any]) -> dict[str, Any]:
    """Add to each reason the sentence that it stands for."""
    return found | {
        "refusal": _message(found["refusal"]),
        "notes": [_message(note) for note in found["notes"]],
        "wordings": [
            wording | {"refusal": _message(wording["refusal"])} for wording in found["wordings"]
        ],
    }


def _message(reason: dict[str, Any] | None) -> dict[str, Any] | None:
    return reason and reason | {"message": predict.describe(reason)}


def _report(found: dict[str, Any]) -> str:
    if found["refusal"]:
        return predict.describe(found["refusal"])
    ordered = sorted(
        found["wordings"], key=lambda wording: wording["rank"] or len(found["wordings"])
    )
    rows = [["rank", "beats control", "expected lift (95 %)", "wording"], *map(_row, ordered)]
    notes = [predict.describe(note) for note in found["notes"]]
    return "\n".join([f"Predictor {found['predictor']}:", table(rows), *notes])


def _row(wording: dict[str, Any]) -> list[str]:
    if wording["refusal"]:
        return ["-", "-", "-", f"{wording['text']}  ({predict.describe(wording['refusal'])})"]
    rank, lift = str(wording["rank"]), wording["lift"]
    if wording["is_control"]:
        return [rank, "(control)", "", wording["text"]]
    if lift is None:
        return [rank, "-", "-", wording["text"]]
    span = f"{lift['expected']:+.1%} [{lift['low']:+.1%}, {lift['high']:+.1%}]"
    return [rank, f"{wording['chance']:.0%}", span, wording["text"]]
