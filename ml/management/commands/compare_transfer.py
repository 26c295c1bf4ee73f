"""Compare ways to use labelled tests of one site for another, before any is trusted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml import predict
from ml.management.output import HistoryFiles, add_format_argument, as_json, shown, table
from ml.presentation.messages import SETTINGS, likeness_sentence
from ml.scoring.manifest import MetricName

if TYPE_CHECKING:
    from ml.training.transfer_settings import TransferComparison

FIGURES: tuple[MetricName, ...] = (
    "accuracy_all",
    "accuracy_p05",
    "top1",
    "lift_of_pick",
    "log_loss",
    "ece",
)


class Command(BaseCommand):
    help = (
        "Measure how alike the texts of two histories are, and compare inductive, transductive "
        "and unsupervised transfer from the source to the target. Nothing is stored or served."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--source", nargs="+", type=Path, metavar="FILE", required=True)
        parser.add_argument("--target", nargs="+", type=Path, metavar="FILE", required=True)
        add_format_argument(parser)
        parser.add_argument(
            "--adapt",
            action="store_true",
            help="also adapt the encoder to the target's texts without labels (minutes)",
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["seed"] < 0:
            raise CommandError("--seed: must not be negative")
        sides = [
            HistoryFiles(options[side], options["format"], self.stderr)
            for side in ("source", "target")
        ]
        try:
            result = predict.compare_transfer(
                *(files.rows() for files in sides), seed=options["seed"], adapt=options["adapt"]
            )
        except predict.PredictorError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(as_json(result) if options["json"] else _report(result))


def _report(result: "TransferComparison") -> str:
    source = result["source"]
    rows = [["", *FIGURES]]
    for name, metrics in result["settings"].items():
        rows.append([str(SETTINGS[name]), *(shown(metrics[figure]) for figure in FIGURES)])
    return "\n".join(
        [
            f"Source: {source['groups']} contrast groups, {source['arms']} arms, worth "
            f"{source['effective_arms']:.0f} equally weighted ones; target: "
            f"{result['target_groups']} contrast groups.",
            f"Maximum mean discrepancy {source['mmd']:.4f} (p = {source['mmd_p_value']:.3f}), "
            f"proxy A-distance {source['proxy_a_distance']:.2f} of 2, log evidence a row "
            f"{source['log_evidence_source']:.3f} on the source, "
            f"{source['log_evidence_target']:.3f} on the target.",
            likeness_sentence(source["proxy_a_distance"]),
            "",
            "Judged on the target's tests; 95% intervals over groups:",
            table(rows),
        ]
    )
