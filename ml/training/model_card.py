"""Model card of a predictor: purpose, accuracy and limits."""

from collections.abc import Mapping, Sequence

from ml.scoring.manifest import (
    AbstentionRecord,
    ConfirmationRecord,
    DataRecord,
    EstimateRecord,
    GateRecord,
    LevelRecord,
    Manifest,
    MetricName,
    MetricsRecord,
    OffsetsRecord,
    SourceRecord,
    TraceRecord,
    interval_of,
)

TITLES: Mapping[str, str] = {
    "no_text": "No text (every wording alike)",
    "tfidf": "TF-IDF ridge (from scratch)",
    "frozen_head": "Frozen encoder + ridge (transfer by feature extraction)",
    "frozen_layers": "All layers of a frozen encoder + ridge (transfer by feature extraction)",
    "with_source": "Frozen encoder, source tests too (transfer of instances)",
    "random_network": "The encoder's network from random weights (from scratch)",
    "lora": "Low-rank adapters in an encoder (transfer of parameters)",
    "fine_tuned": "Fine-tuned middle layers of an encoder (transfer of parameters)",
    "stack": "Mean of TF-IDF, frozen layers and fine-tuned layers (transfer)",
}
NO_LATER_TESTS: Mapping[str, str] = {
    "too_few_dates": "fewer than half have a date",
    "too_few_tests": "fewer than 200 would be later ones",
    "too_connected": "most earlier tests share wordings or assets with later ones",
}
CONFIRMING: Mapping[str, str] = {
    "later": "on later tests",
    "nested": "with the choice held out on each fold",
    "nothing": "",
}
METRIC_TITLES: Mapping[MetricName, str] = {
    "accuracy_all": "Accuracy, all pairs",
    "accuracy_p05": "Accuracy, pairs with p < 0.05",
    "top1": "Best arm picked",
    "lift_of_pick": "Lift of the pick",
    "log_loss": "Log loss",
    "ece": "Calibration error",
}


def model_card(manifest: Manifest, *, served: str) -> str:
    """Return the model card of a predictor in Markdown.

    Args:
        manifest: Manifest of the training.
        served: Key of the strategy that is served.
    """
    sections = [
        f"# Predictor of wordings: {TITLES[served]}",
        _origin(manifest),
        _data(manifest["data"]),
        _figures(manifest),
        *([_source(manifest["source"])] if manifest["source"] else []),
        _gate(manifest["gate"]),
        *([_tuning(manifest["tuning"])] if manifest["tuning"] else []),
        _offsets(manifest["departures"]),
        _risk(manifest),
        *([_abstention(manifest["abstention"])] if "abstention" in manifest else []),
        _limits(manifest),
    ]
    return "\n\n".join(sections) + "\n"


def _origin(manifest: Manifest) -> str:
    configuration = manifest["configuration"]
    encoder = configuration["encoder"]
    return (
        f"Trained {manifest['created_at']}, seed {manifest['seed']}, code "
        f"{manifest['code_commit'] or 'of an unknown commit'}. Encoder {encoder['name']} "
        f"({encoder['dimension']} dimensions, fingerprint {encoder['fingerprint'][:12]}), frozen."
    )


def _data(data: DataRecord) -> str:
    lines = [
        "## Data",
        "",
        f"- {data['groups']} contrast groups, {data['arms']} arms, {data['visitors']} visitors, "
        f"{data['clicks']} clicks.",
        f"- {data['pairs']} decided pairs of arms, {data['pairs_p05']} with p < 0.05.",
        f"- Groups with doubtful randomisation: {data['suspect_groups']}; they never judge, and "
        f"train with weight {data['suspect_trust']:g}.",
        f"- Left out: {data['single_wording_groups']} groups with one wording, "
        f"{data['groups_without_clicks']} without clicks.",
        f"- Contrast groups by language: {_counts(data['locales'])}.",
        f"- Contrast groups by audience: {_counts(data['audiences'])}.",
        f"- SHA-256 of the groups: {data['sha256']}.",
    ]
    return "\n".join(lines)


def _figures(manifest: Manifest) -> str:
    configuration = manifest["configuration"]
    ceiling = manifest["ceiling"]
    over = ceiling["overdispersed"]
    return "\n".join(
        [
            "## Figures",
            "",
            f"Grouped {configuration['folds']}-fold cross-validation, mean of "
            f"{configuration['repeats']} split(s) by connected component (test, asset, wording "
            "with a token Jaccard of at least 0.9); 95% intervals by bootstrap over groups.",
            "",
            *_metrics_table(manifest["metrics"]),
            "",
            *_later_figures(manifest.get("confirmation")),
            f"Noise ceiling of the accuracy on all pairs: {_estimate(ceiling['binomial'])} if "
            "noise is binomial"
            + (f", {_estimate(over)} with the noise of replicated arms." if over else "."),
        ]
    )


def _metrics_table(metrics: Mapping[str, MetricsRecord]) -> list[str]:
    header = ["", *(TITLES[name] for name in metrics)]
    rows = [
        [title, *(_estimate(metrics[name][key]) for name in metrics)]
        for key, title in METRIC_TITLES.items()
    ]
    table = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(row) + " |" for row in table]


def _later_figures(confirmation: ConfirmationRecord | None) -> list[str]:
    """Describe what confirmed the choice: later tests with their figures, or a held-out choice."""
    if confirmation is None:
        return []
    if confirmation["rule"] != "later":
        reason = NO_LATER_TESTS[confirmation["rule"]]
        return [f"No later tests were kept apart: {reason}.", ""]
    return [
        f"The tests above ended before {confirmation['since']}; {confirmation['undated']} without "
        f"a date count among them. On the {confirmation['groups']} later tests, which no choice "
        "had seen:",
        "",
        *_metrics_table(confirmation["metrics"]),
        "",
    ]


def _source(source: SourceRecord) -> str:
    return "\n".join(
        [
            "## Source",
            "",
            f"- {source['groups']} contrast groups of another site or audience, {source['arms']} "
            f"arms, worth {source['effective_arms']:.0f} equally weighted ones.",
            f"- Maximum mean discrepancy {source['mmd']:.4f} (p = {source['mmd_p_value']:.3f}), "
            f"proxy A-distance {source['proxy_a_distance']:.2f} (0: alike, 2: of another kind).",
            f"- Log evidence of the encoder a row: {source['log_evidence_source']:.3f} on the "
            f"source, {source['log_evidence_target']:.3f} on the target.",
        ]
    )


def _gate(gate: GateRecord) -> str:
    lines = ["## Gate", ""]
    where = CONFIRMING[gate.get("confirmed_by", "nothing")]
    for verdict in gate["verdicts"]:
        word = "passed" if verdict["passed"] else "refused"
        lines.append(f"- {TITLES[verdict['name']]}: {word}.")
        if verdict["negative_transfer"] != "none":
            lines.append(f"  Negative transfer {verdict['negative_transfer']}.")
        again = {each["against"]: each["gain"] for each in verdict.get("confirming", ())}
        for each in verdict["comparisons"]:
            gain, against = _estimate(each["gain"], digits=4), each["against"]
            line = f"  Log-loss gain over {TITLES[against]}: {gain}"
            if against in again:
                line += f", {where} {_estimate(again[against], digits=4)}"
            lines.append(f"{line} (90% interval).")
    best, served = gate.get("best_on_folds"), gate["served"]
    if best is not None and best != served:
        lines += [
            "",
            f"Folds alone would serve: {TITLES[best]}. That is not confirmed {where}, so "
            + (f"{TITLES[served]}, which is simpler, is served." if served else "none is served."),
        ]
    return "\n".join(lines)


def _tuning(traces: Sequence[TraceRecord]) -> str:
    """Describe the length of each network's training, and the reason for its end."""
    return "\n".join(
        [
            "## Fine-tuning",
            "",
            *(f"- {_trace(number, trace)}" for number, trace in enumerate(traces, start=1)),
        ]
    )


def _trace(number: int, trace: TraceRecord) -> str:
    steps = f"Network {number}: {trace['taken']} of {trace['planned']} steps"
    if trace["loss_before"] is None or trace["loss"] is None:
        return f"{steps}; no tests watched it."
    return (
        f"{steps}, the weights after {trace['kept']} are kept. Of the results of "
        f"{trace['watched']} tests that it was {'not taught' if trace['withheld'] else 'taught'} "
        f"the probe left {100 * trace['loss_before']:.1f}% unexplained, it leaves "
        f"{100 * trace['loss']:.1f}%."
    )


def _offsets(offsets: OffsetsRecord) -> str:
    """Say which factors depart from the shared answer, and how every level does."""
    lines = ["## Audiences, languages, forms and positions", ""]
    for factor, verdict in offsets["factors"].items():
        word = "kept" if verdict["kept"] else "dropped: everybody gets the shared answer"
        lines.append(
            f"- Telling {factor} apart: {word}. Log-loss gain over the shared answer: "
            f"{_estimate(verdict['gain'], digits=4)} (90% interval)."
        )
    if not offsets["factors"]:
        lines.append("- Nothing to tell apart: no factor has two levels with enough tests.")
    rows = [
        [factor, level, str(each["groups"]), *_level_figures(each)]
        for factor, levels in offsets["levels"].items()
        for level, each in levels.items()
    ]
    if not rows:
        return "\n".join(lines)
    header = ["", "", "tests", "accuracy", "shared answer", "log-loss skill", "borrowed"]
    table = [header, ["---"] * len(header), *rows]
    return "\n".join([*lines, "", *("| " + " | ".join(row) + " |" for row in table)])


def _level_figures(level: LevelRecord) -> list[str]:
    estimates = (level["accuracy"], level["accuracy_shared"], level["log_loss_skill"])
    return [*map(_estimate, estimates), f"{100 * level['borrowed']:.0f}%"]


def _risk(manifest: Manifest) -> str:
    """Say what abstention would buy, and whether explanations are faithful."""
    risk, check = manifest["risk"], manifest["explanations"]
    lines = [
        "## When it is surer",
        "",
        "| pairs answered, the surest first | chance of the likelier at least | accuracy |",
        "| --- | --- | --- |",
        *(
            f"| {100 * point['coverage']:.0f}% | {point['chance']:.3f} | "
            f"{_estimate(point['accuracy'])} |"
            for point in risk["curve"]
        ),
        "",
        f"Up to a chance of {risk['toss_up']:.3f} pairs were not shown to be told apart. The 95% "
        "intervals of the lift, widened by the noise of measurement, held "
        f"{_estimate(risk['interval_coverage'])} of the held-out pairs.",
    ]
    if check:
        lines.append(
            f"Deleting the words that an explanation names lowers the score by "
            f"{check['gain']:.3f} [{check['low']:.3f}, {check['high']:.3f}] more than deleting "
            f"as many at random ({check['wordings']} wordings)."
        )
    return "\n".join(lines)


def _abstention(record: AbstentionRecord) -> str:
    """Describe the share of tests that is answered, and what each refusal is worth."""
    where = "later" if record["later"] else "held-out"
    lines = [
        "## Refusals",
        "",
        f"Answered: {_estimate(record['coverage'])} of the {where} tests. Accuracy of the answered "
        f"pairs {_estimate(record['accuracy_answered'])}, of the refused ones "
        f"{_estimate(record['accuracy_refused'])}.",
        "",
    ]
    for rule, each in record["rules"].items():
        kept = f"limit {each['limit']:.3f}" + ("" if each["kept"] else ", the largest measured")
        lines.append(
            f"- {rule}: {'kept' if each['kept'] else 'dropped'} ({kept}). Beyond "
            f"{each['limit_tried']:.3f} the accuracy is {_estimate(each['accuracy_refused'])}, "
            f"within it {_estimate(each['accuracy_answered'])}."
        )
    return "\n".join(lines)


def _limits(manifest: Manifest) -> str:
    return "\n".join(
        [
            "## Limits",
            "",
            "- A ranking of wordings for a test to come, not a replacement for the test.",
            "- Figures hold for wordings like those in the data; others are refused.",
            "- A language with few past tests is refused: "
            f"{_counts(manifest['data']['locales'])} were trained on.",
        ]
    )


def _counts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name or 'unknown'} {count}" for name, count in ordered)


def _estimate(estimate: EstimateRecord, *, digits: int = 3) -> str:
    interval = interval_of(estimate)
    if interval is None:
        return "undefined"
    value, low, high = (f"{figure:.{digits}f}" for figure in interval)
    return f"{value} [{low}, {high}]"
