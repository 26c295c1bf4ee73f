"""Judge the active predictor on labelled past tests."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml import predict
from ml.management.output import HistoryFiles, add_format_argument, as_json, shown, table
from ml.presentation.messages import STRATEGIES, sentence

METRICS = (
    "accuracy_all",
    "accuracy_p05",
    "top1",
    "top1_chance",
    "lift_of_pick",
    "log_loss",
    "log_loss_skill",
    "ece",
)
COUNTS = (
    "groups",
    "groups_answered",
    "groups_known",
    "suspect_groups",
    "arms",
    "pairs",
    "pairs_p05",
    "pairs_answered",
)
# Figures that are also given on the answered and on the refused tests.
APART = ("accuracy_all", "accuracy_p05", "lift_of_pick")
PARTS = ("answered", "refused")


class Command(BaseCommand):
    help = "Judge the active predictor on past tests; suspect ones are left out."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="CSV, plain or gzipped")
        add_format_argument(parser)
        parser.add_argument("--seed", type=int, default=0, help="of the bootstrap draws")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["seed"] < 0:
            raise CommandError("--seed: must not be negative")
        files = HistoryFiles([options["file"]], options["format"], self.stderr)
        try:
            result = predict.evaluate(files.rows(), seed=options["seed"])
        except predict.PredictorError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(as_json(_flatten(result) | {"skipped_rows": files.n_skipped}))
        else:
            self.stdout.write(_report(result))


def _flatten(result: dict[str, Any]) -> dict[str, Any]:
    """Return figures as numbers, and their intervals beside them under the same names."""
    estimates = {
        **result["metrics"],
        **{
            _name(figure, part): (result[f"metrics_{part}"] or {}).get(figure)
            for part in PARTS
            for figure in APART
        },
        "coverage": result["coverage"],
        "noise_ceiling": result["ceiling"],
        "noise_ceiling_overdispersed": result["ceiling_overdispersed"],
    }
    return {
        "predictor": result["predictor"],
        "strategy": result["strategy"],
        **{name: result[name] for name in COUNTS},
        **{name: each and each["value"] for name, each in estimates.items()},
        "intervals": {name: _interval(each) for name, each in estimates.items()},
        "dispersion": result["dispersion"],
        "reason": None if result["metrics_answered"] else sentence("nothing_answered", {}),
    }


def _name(figure: str, part: str) -> str:
    """Return the name of a figure on a part of the tests: `accuracy_answered`."""
    return f"{figure.removesuffix('_all')}_{part}"


def _interval(estimate: dict[str, float | None] | None) -> list[float | None] | None:
    if estimate is None or estimate["value"] is None:
        return None
    return [estimate["low"], estimate["high"]]


def _report(result: dict[str, Any]) -> str:
    head = (
        f"Predictor {result['predictor']}, {STRATEGIES[result['strategy']]}, on {result['groups']} "
        f"contrast groups ({result['suspect_groups']} suspect ones left out): "
        f"{result['groups_answered']} answered, {result['pairs']} decided pairs "
        f"({result['pairs_answered']} answered), {result['pairs_p05']} with p < 0.05."
    )
    if result["metrics_answered"] is None:
        head += f"\n{sentence('nothing_answered', {})}"
    rows = [[name, shown(result["metrics"][name])] for name in METRICS]
    rows += [
        [_name(figure, part), shown((result[f"metrics_{part}"] or {}).get(figure))]
        for part in PARTS
        for figure in APART
    ]
    rows += [
        ["coverage", shown(result["coverage"])],
        ["noise ceiling (binomial)", shown(result["ceiling"])],
        ["noise ceiling (replicated arms)", shown(result["ceiling_overdispersed"])],
    ]
    n_known = result["groups_known"]
    warning = (
        f"\n{n_known} groups share a test or a wording with the training history: the figures are "
        "better than on new tests."
        if n_known
        else ""
    )
    return f"{head}\n{table(rows)}{warning}"
