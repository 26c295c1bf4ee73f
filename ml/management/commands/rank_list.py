"""Sort a long list of wordings with the student of the active predictor."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml import predict
from ml.management.output import as_json, table


class Command(BaseCommand):
    help = (
        "Sort a long list of wordings, one a line, best first. A small student of the active "
        "predictor does it, tens of thousands a second: rank the first few with score_wording."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="text file, a wording a line")
        parser.add_argument("--top", type=int, default=50, help="how many to print (default: 50)")
        parser.add_argument("--json", action="store_true", help="print one JSON object, all of it")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            lines = options["file"].read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['file']}: {error}") from error
        texts = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
        if not texts:
            raise CommandError(f"{options['file']}: there is no wording in it")
        try:
            result = predict.rank_list(texts)
        except predict.PredictorError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(as_json(result))
            return
        rows = [["score", "known words", "wording"]]
        rows += [
            [f"{each['score']:+.3f}", f"{each['known_share']:.0%}", each["text"]]
            for each in result["wordings"][: options["top"]]
        ]
        fidelity = result["fidelity"]
        fidelity_text = "unknown" if fidelity is None else f"{fidelity:.2f}"
        self.stdout.write(table(rows))
        self.stdout.write(
            f"{len(texts)} wordings; correlation of the student with predictor "
            f"{result['predictor']} on wordings it had not seen: {fidelity_text}."
        )
