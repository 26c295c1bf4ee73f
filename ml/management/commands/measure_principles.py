"""Print the effects of the principles of persuasion, measured in past tests."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ml import predict
from ml.management.output import HistoryFiles, add_format_argument, as_json, table


class Command(BaseCommand):
    help = (
        "Compare wordings that use a principle with wordings of the same test that do not. "
        "Without --history the product's own archive is used."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--history", nargs="+", type=Path, metavar="FILE", help="CSV, plain or gzipped"
        )
        add_format_argument(parser)
        parser.add_argument("--locale", default="", help="only tests in this language")
        parser.add_argument("--audience", default="", metavar="KEY", help="only this audience's")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        files = HistoryFiles(options["history"] or (), options["format"], self.stderr)
        result = predict.measure_principles(
            files.rows() if options["history"] else predict.archived_rows(),
            locale=options["locale"],
            audience=options["audience"],
        )
        if options["json"]:
            self.stdout.write(as_json({**result, "skipped_rows": files.n_skipped}))
        else:
            self.stdout.write(_report(result))


def _report(result: dict[str, Any]) -> str:
    header = ["principle", "tests", "lift", "95%", "as measured"]
    rows = [_row(trait) for trait in result["traits"]]
    return f"{result['tests']} contrast groups:\n{table([header, *rows])}"


def _row(trait: dict[str, Any]) -> list[str]:
    if trait["lift"] is None:
        return [trait["name"], "0", "-", "-", "-"]
    return [
        trait["name"],
        str(trait["tests"]),
        f"{trait['lift']:+.1%}",
        f"[{trait['low']:+.1%}, {trait['high']:+.1%}]",
        f"{trait['raw']:+.1%}",
    ]
