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
)


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
            found = predict.evaluate(files.rows(), seed=options["seed"])
        except predict.PredictorError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(as_json(_flat(found) | {"skipped_rows": files.n_skipped}))
        else:
            self.stdout.write(_report(found))


def _flat(found: dict[str, Any]) -> dict[str, Any]:
    """Return figures as numbers, and their intervals beside them under the same names."""
    estimates = {
        **(found["metrics"] or dict.fromkeys(METRICS)),
        "coverage": found["coverage"],
        "noise_ceiling": found["ceiling"],
        "noise_ceiling_overdispersed": found["ceiling_overdispersed"],
    }
    return {
        "predictor": found["predictor"],
        "strategy": found["strategy"],
        **{name: found[name] for name in COUNTS},
        **{name: each and each["value"] for name, each in estimates.items()},
        "intervals": {name: _interval(each) for name, each in estimates.items()},
        "dispersion": found["dispersion"],
        "reason": None if found["metrics"] else sentence("nothing_answered", {}),
    }


def _interval(estimate: dict[str, float | None] | None) -> list[float | None] | None:
    if estimate is None or estimate["value"] is None:
        return None
    return [estimate["low"], estimate["high"]]


def _report(found: dict[str, Any]) -> str:
    head = (
        f"Predictor {found['predictor']}, {STRATEGIES[found['strategy']]}, on {found['groups']} "
        f"contrast groups ({found['suspect_groups']} suspect ones left out): "
        f"{found['groups_answered']} answered, {found['pairs']} decided pairs, "
        f"{found['pairs_p05']} with p < 0.05."
    )
    if found["metrics"] is None:
        return f"{head}\n{sentence('nothing_answered', {})}"
    rows = [[name, shown(found["metrics"][name])] for name in METRICS]
    rows += [
        ["coverage", shown(found["coverage"])],
        ["noise ceiling (binomial)", shown(found["ceiling"])],
        ["noise ceiling (replicated arms)", shown(found["ceiling_overdispersed"])],
    ]
    known = found["groups_known"]
    warning = (
        f"\n{known} groups share a test or a wording with the training history: the figures are "
        "better than on new tests."
        if known
        else ""
    )
    return f"{head}\n{table(rows)}{warning}"
