"""Train the predictor of wordings, let the gate choose, and serve what passed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ml import predict
from ml.management.output import HistoryFiles, add_format_argument, as_json, shown, table
from ml.presentation.gate_messages import confirmation_sentences
from ml.presentation.messages import ABSENCES, STRATEGIES, TRANSFERS, likeness_sentence, sentence
from ml.scoring.manifest import (
    ConfirmationRecord,
    EncoderTrialRecord,
    MetricName,
    MetricsRecord,
    SourceRecord,
    VerdictRecord,
)
from ml.training.options import SUSPECT_TRUST, Choices

ACCURACIES: Sequence[MetricName] = ("accuracy_all", "accuracy_p05")
FIGURES: Mapping[MetricName, str] = {
    "accuracy_all": "accuracy, all pairs",
    "accuracy_p05": "accuracy, p < 0.05",
    "top1": "best arm picked",
    "top1_chance": "  by chance",
    "lift_of_pick": "lift of the pick",
    "log_loss": "log loss",
    "ece": "calibration error",
}


class Command(BaseCommand):
    help = (
        "Train every strategy on past tests, compare them on held-out tests, and serve the best "
        "that passes the gate. Without --history the product's own archive is used."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--history", nargs="+", type=Path, metavar="FILE", help="CSV, plain or gzipped"
        )
        add_format_argument(parser)
        parser.add_argument("--seed", type=int, default=0, help="of folds and bootstrap draws")
        parser.add_argument(
            "--source",
            nargs="+",
            type=Path,
            metavar="FILE",
            help="tests of another site or audience, same format: they train as far as their "
            "texts resemble the target's, never judge, and the gate decides",
        )
        parser.add_argument(
            "--strategies",
            nargs="+",
            metavar="KEY",
            choices=STRATEGIES,
            help="compare these only, however little history there is (default: all that fit)",
        )
        parser.add_argument(
            "--suspect-trust",
            type=float,
            default=SUSPECT_TRUST,
            metavar="SHARE",
            help="how much tests of doubtful randomisation count in training, 0 to 1; they never "
            "judge (default: %(default)s)",
        )
        parser.add_argument(
            "--early-stopping",
            action="store_true",
            help="keep a tenth of the tests from each network that is fine-tuned, another one from "
            "each, and stop when it gains nothing there any more (default: fixed steps)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["seed"] < 0:
            raise CommandError("--seed: must not be negative")
        if not 0 <= options["suspect_trust"] <= 1:
            raise CommandError("--suspect-trust: must be from 0 to 1")
        files = HistoryFiles(options["history"] or (), options["format"], self.stderr)
        source = HistoryFiles(options["source"] or (), options["format"], self.stderr)
        try:
            result = predict.train(
                files.rows() if options["history"] else predict.archived_rows(),
                now=timezone.now(),
                seed=options["seed"],
                choices=Choices(
                    suspect_trust=options["suspect_trust"],
                    strategies=options["strategies"] and tuple(options["strategies"]),
                    early_stopping=options["early_stopping"],
                ),
                progress=_ProgressLines(self.stderr.write),
                source=source.rows(),
            )
        except predict.PredictorError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(as_json({**result, "skipped_rows": files.n_skipped}))
        else:
            self.stdout.write(_report(result))


class _ProgressLines:
    """Progress of a training: a line for each stage and each tenth of the work."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._last = (-1, "")

    def __call__(self, fraction: float, stage: str) -> None:
        step = (int(10 * fraction), stage)
        if step != self._last:
            self._last = step
            self._write(f"{fraction:4.0%}  {predict.describe_stage(stage)}")


def _report(result: predict.TrainingOutcome) -> str:
    manifest = result["manifest"]
    data, ceiling = manifest["data"], manifest["ceiling"]
    over = ceiling["overdispersed"]
    lines = [
        f"{data['groups']} contrast groups, {data['arms']} arms, {data['pairs']} decided pairs "
        f"({data['pairs_p05']} with p < 0.05); {data['suspect_groups']} suspect groups never "
        f"judge and train with weight {data['suspect_trust']:g}.",
        f"Grouped {manifest['configuration']['folds']}-fold cross-validation, "
        f"{manifest['configuration']['repeats']} split(s), 95% intervals over groups:",
        "",
        table(_figures(manifest["metrics"])),
        "",
        *_later(manifest.get("confirmation")),
        f"Noise ceiling of the accuracy on all pairs: {shown(ceiling['binomial'])} (binomial)"
        + (f", {shown(over)} (noise of replicated arms)" if over else ""),
        "",
        *_encoders(manifest.get("encoders", ())),
        *_source(manifest["source"]),
        *_verdicts(manifest["gate"]["verdicts"]),
        *(
            f"Not tried: {STRATEGIES[each['name']]}: {ABSENCES[each['reason']] % each}."
            for each in manifest["left_out"]
            if each["reason"] != "not_asked"
        ),
    ]
    lines += confirmation_sentences(manifest)
    if result["strategy"] is None:
        lines.append(sentence("nothing_passed", {}))
    else:
        lines.append(f"Active: predictor {result['number']}, {STRATEGIES[result['strategy']]}.")
    return "\n".join(lines)


def _figures(metrics: Mapping[str, MetricsRecord]) -> list[list[str]]:
    header = ["", *(str(STRATEGIES[name]) for name in metrics)]
    rows = [
        [title, *(shown(each[key]) for each in metrics.values())] for key, title in FIGURES.items()
    ]
    return [header, *rows]


def _later(record: ConfirmationRecord | None) -> list[str]:
    if record is None or not record["metrics"]:
        return []
    heading = f"On the {record['groups']} later tests, from {record['since']} on:"
    return [heading, "", table(_figures(record["metrics"])), ""]


def _encoders(record: Sequence[EncoderTrialRecord]) -> list[str]:
    if not record:
        return []
    header = ["encoder, frozen", "all pairs", "p < 0.05", "later, all pairs", "later, p < 0.05"]
    rows = [
        [
            each["name"] + (" (chosen)" if each["chosen"] else ""),
            *(shown(each["metrics"][key]) for key in ACCURACIES),
            *(shown(each["later"] and each["later"][key]) for key in ACCURACIES),
        ]
        for each in record
    ]
    return [table([header, *rows]), ""]


def _source(record: SourceRecord | None) -> list[str]:
    if record is None:
        return []
    return [
        f"Source: {record['groups']} contrast groups, {record['arms']} arms, worth "
        f"{record['effective_arms']:.0f} equally likely ones after weighting "
        f"({record['connected_groups_left_out']} groups share tests or texts with the target and "
        "are left out).",
        f"  Maximum mean discrepancy {record['mmd']:.4f} (p = {record['mmd_p_value']:.3f}), proxy "
        f"A-distance {record['proxy_a_distance']:.2f} of 2, log evidence of the encoder "
        f"{record['log_evidence_source']:.3f} on the source, "
        f"{record['log_evidence_target']:.3f} on the target.",
        f"  {likeness_sentence(record['proxy_a_distance'])}",
        "",
    ]


def _verdicts(verdicts: Sequence[VerdictRecord]) -> list[str]:
    lines = []
    for verdict in verdicts:
        word = "passed" if verdict["passed"] else "refused"
        lines.append(f"Gate: {STRATEGIES[verdict['name']]}: {word}.")
        again = {each["against"]: each["gain"] for each in verdict.get("confirming", ())}
        for each in verdict["comparisons"]:
            line = f"  log-loss gain over {STRATEGIES[each['against']]}: "
            line += f"{shown(each['gain'], digits=4)} on folds"
            if each["against"] in again:
                line += f", {shown(again[each['against']], digits=4)} confirming"
            lines.append(f"{line} (90%)")
        if warning := TRANSFERS[verdict["negative_transfer"]]:
            lines.append(f"  {warning}")
    return lines
