"""Measure how a predictor gets better with more past tests, and how many transfer saves."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ml import predict
from ml.files import write_whole
from ml.management.output import HistoryFiles, add_format_argument, as_json, shown, table
from ml.presentation.learning_curve_svg import render_svg
from ml.presentation.messages import STRATEGIES


class Command(BaseCommand):
    help = (
        "Measure the accuracy on held-out tests by the number of past tests that were learned "
        "from. Predictions stay as they are. Without --history the product's own archive is used, "
        "and the curves are kept for the page of the active predictor, which says what more tests "
        "would bring."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--history", nargs="+", type=Path, metavar="FILE", help="CSV, plain or gzipped"
        )
        add_format_argument(parser)
        parser.add_argument(
            "--strategies",
            nargs="+",
            metavar="KEY",
            choices=STRATEGIES,
            help="default: the quick ones; a fine-tuned network takes minutes a size",
        )
        parser.add_argument(
            "--splits", type=int, default=4, help="into judged and teaching tests (default: 4)"
        )
        parser.add_argument("--seed", type=int, default=0, help="of the splits")
        parser.add_argument("--drawing", type=Path, metavar="FILE", help="write the curves as SVG")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["seed"] < 0:
            raise CommandError("--seed: must not be negative")
        if options["splits"] < 1:
            raise CommandError("--splits: must be at least 1")
        files = HistoryFiles(options["history"] or (), options["format"], self.stderr)
        try:
            result = predict.learning_curves(
                files.rows() if options["history"] else predict.archived_rows(),
                strategies=options["strategies"],
                n_splits=options["splits"],
                seed=options["seed"],
                progress=self._report_progress,
            )
        except predict.PredictorError as error:
            raise CommandError(str(error)) from error
        if not options["history"]:
            self._keep(result)
        if options["drawing"]:
            self._write_drawing(options["drawing"], render_svg(result["curves"]))
        self.stdout.write(as_json(result) if options["json"] else _report(result))

    def _keep(self, result: dict[str, Any]) -> None:
        number = predict.keep_learning_curves(result, now=timezone.now())
        self.stderr.write(
            "There is no active predictor to keep the curves with."
            if number is None
            else f"Kept with predictor {number}."
        )

    def _report_progress(self, done: float) -> None:
        self.stderr.write(f"{done:4.0%}")

    def _write_drawing(self, path: Path, drawing: str) -> None:
        try:
            write_whole(path, drawing.encode())
        except OSError as error:
            raise CommandError(f"--drawing {path}: {error.strerror}") from error


def _report(result: dict[str, Any]) -> str:
    curves = result["curves"]
    sizes = [point["groups"] for point in next(iter(curves.values()))]
    rows = [["past tests", *curves]]
    for at, size in enumerate(sizes):
        rows.append([str(size), *(shown(points[at]["accuracy"]) for points in curves.values())])
    lines = [
        f"Accuracy on all pairs of held-out tests, of {result['groups']} contrast groups in all, "
        f"{result['splits']} split(s), 95% intervals over groups:",
        "",
        table(rows),
        "",
    ]
    for name, saving in result["data_saving"].items():
        ratio = shown(saving["ratio"], digits=1)
        lines.append(
            f"What {saving['baseline']} learns from {saving['baseline_groups']} tests, {name} "
            f"learns from {saving['groups_needed']:.0f}: {ratio} times less data."
        )
    return "\n".join(lines)
