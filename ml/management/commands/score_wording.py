"""Rank wordings with the active predictor."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml import predict
from ml.management.output import as_json, table


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
        parser.add_argument(
            "--suggest", type=int, default=0, metavar="N", help="propose N rewordings to test"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        texts = options["texts"]
        control = texts[0] if options["control"] is None else options["control"]
        try:
            result = predict.rank_wordings(
                predict.RankingRequest.from_fields(
                    {**options, "wordings": texts, "control": control}
                ),
                explained=options["explain"],
                suggested=options["suggest"],
            )
        except (predict.InvalidRankingRequestError, predict.PredictorError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            context = {name: options[name] for name in ("locale", "form")}
            self.stdout.write(as_json(_with_messages(result, context) | {"control": control}))
        else:
            self.stdout.write(_report(result))


def _with_messages(result: dict[str, Any], context: dict[str, str]) -> dict[str, Any]:
    """Add to each reason the sentence that it stands for, and to each wording what was checked."""
    return result | {
        "refusal": _message(result["refusal"]),
        "notes": [_message(note) for note in result["notes"]],
        "wordings": [
            wording
            | {
                "refusal": _message(wording["refusal"]),
                "checks": predict.inspect(
                    wording["text"], locale=context["locale"], form=context["form"]
                ),
                "principles": predict.principles_of(wording["text"], locale=context["locale"]),
            }
            for wording in result["wordings"]
        ],
        "suggestions": [
            each | {"message": predict.describe_suggestion(each)} for each in result["suggestions"]
        ],
    }


def _message(reason: dict[str, Any] | None) -> dict[str, Any] | None:
    return reason and reason | {"message": predict.describe(reason)}


def _report(result: dict[str, Any]) -> str:
    proposals = [_suggestion(each) for each in result["suggestions"]]
    if result["refusal"]:
        return "\n".join([predict.describe(result["refusal"]), *proposals])
    ordered = sorted(
        result["wordings"], key=lambda wording: wording["rank"] or len(result["wordings"])
    )
    header = ["rank", "80%", "best", "beats control", "expected lift (95%)", "wording"]
    rows = [header, *map(_row, ordered)]
    notes = [predict.describe(note) for note in result["notes"]]
    words = [_word_effects(wording) for wording in ordered if wording["words"]]
    lines = [f"Predictor {result['predictor']}:", table(rows), *words, *notes, *proposals]
    return "\n".join(lines)


def _word_effects(wording: dict[str, Any]) -> str:
    effects = ", ".join(f"{each['word']} {each['effect']:+.1%}" for each in wording["words"])
    return f"{wording['text']}: {effects}"


def _suggestion(suggestion: dict[str, Any]) -> str:
    chance = suggestion["chance"]
    beats = "" if chance is None else f" ({chance:.0%} to beat the control)"
    claim = " Only if it is true." if suggestion["is_claim"] else ""
    why = predict.describe_suggestion(suggestion)
    return f"To test: {suggestion['text']}{beats}. {why}{claim}"


def _row(wording: dict[str, Any]) -> list[str]:
    if wording["refusal"]:
        return [*["-"] * 5, f"{wording['text']}  ({predict.describe(wording['refusal'])})"]
    belief, lift = wording["belief"], wording["lift"]
    sure = [f"{belief['low']}-{belief['high']}", f"{belief['best']:.0%}"]
    head = [str(wording["rank"]), *sure]
    if wording["is_control"]:
        return [*head, "(control)", "", wording["text"]]
    if lift is None:
        return [*head, "-", "-", wording["text"]]
    span = f"{lift['expected']:+.1%} [{lift['low']:+.1%}, {lift['high']:+.1%}]"
    chance = f"{wording['chance']:.0%}" + (" (toss-up)" if wording["is_toss_up"] else "")
    return [*head, chance, span, wording["text"]]
