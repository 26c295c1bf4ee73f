"""Outcome of the gate in words: folds and later tests side by side, and where they disagree."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ml.presentation.messages import STRATEGIES, TRANSFERS
from ml.scoring.manifest import ComparisonRecord, EstimateRecord, GateRecord, Manifest, interval_of

# By `ml.dataset.later_tests.LaterRule`.
CONFIRMATIONS = {
    "later": _(
        "Strategies were compared on tests that ended before %(since)s. What is served also had to "
        "win on the %(groups)s later tests, which no choice had seen."
    ),
    "too_few_dates": _(
        "Fewer than half of the tests have a date, so none could be kept apart as later ones. "
        "Instead the choice among strategies was held out on each fold."
    ),
    "too_few_tests": _(
        "There are too few tests to keep 200 later ones apart. Instead the choice among strategies "
        "was held out on each fold."
    ),
    "too_connected": _(
        "The later tests share wordings or assets with most earlier ones, so they could not be "
        "kept apart. Instead the choice among strategies was held out on each fold."
    ),
}
UNDATED = _("%(undated)s tests without a date count as earlier ones.")
# By what confirms, and whether a simpler strategy is served.
DISAGREEMENTS = {
    ("later", True): _(
        "On the folds “%(best)s” was best. The later tests do not confirm it, so “%(served)s”, "
        "which is simpler, is served."
    ),
    ("later", False): _(
        "On the folds “%(best)s” was best. The later tests do not confirm it, so nothing is "
        "promoted."
    ),
    ("nested", True): _(
        "On the folds “%(best)s” was best. With the choice held out it does not win, so "
        "“%(served)s”, which is simpler, is served."
    ),
    ("nested", False): _(
        "On the folds “%(best)s” was best. With the choice held out it does not win, so nothing is "
        "promoted."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRow:
    """Verdict of the gate on one strategy, as a row of a table.

    Args:
        strategy: Its name.
        on_folds: Smallest log-loss gain over a simpler strategy on folds; None if undefined.
        confirming: The same on later tests, or with the choice held out.
        outcome: Passed or refused.
        transfer: Sentence on negative transfer; empty for none.
    """

    strategy: str
    on_folds: EstimateRecord | None
    confirming: EstimateRecord | None
    outcome: str
    transfer: str


def verdict_rows(gate: GateRecord) -> list[VerdictRow]:
    """Return the verdicts with the gains that decide.

    Args:
        gate: Record of the gate, also of an earlier version without confirmation.

    >>> verdict_rows({"served": None, "verdicts": []})
    []
    """
    return [
        VerdictRow(
            strategy=str(STRATEGIES[verdict["name"]]),
            on_folds=_smallest(verdict["comparisons"]),
            confirming=_smallest(verdict.get("confirming", ())),
            outcome=gettext("passed") if verdict["passed"] else gettext("refused"),
            transfer=str(TRANSFERS[verdict["negative_transfer"]]),
        )
        for verdict in gate["verdicts"]
    ]


def confirmation_sentences(manifest: Manifest) -> list[str]:
    """Return what confirmed the choice, and a disagreement between folds and later tests.

    Args:
        manifest: Record of a training; one of an earlier version has no sentence.

    >>> confirmation_sentences({"gate": {"served": None, "verdicts": []}})
    []
    """
    confirmation = manifest.get("confirmation")
    if confirmation is None:
        return []
    since = confirmation["since"]
    shown = {
        "since": date_format(date.fromisoformat(since)) if since else "",
        "groups": confirmation["groups"],
        "undated": confirmation["undated"],
    }
    sentences = [str(CONFIRMATIONS[confirmation["rule"]] % shown)]
    if since and confirmation["undated"]:
        sentences.append(str(UNDATED % shown))
    return [*sentences, *_disagreement(manifest["gate"])]


def _disagreement(gate: GateRecord) -> list[str]:
    best, served = gate.get("best_on_folds"), gate["served"]
    if best is None or best == served:
        return []
    confirmed_by = "later" if gate.get("confirmed_by") == "later" else "nested"
    names = {"best": STRATEGIES[best], "served": STRATEGIES[served] if served else ""}
    return [str(DISAGREEMENTS[confirmed_by, served is not None] % names)]


def _smallest(comparisons: Sequence[ComparisonRecord]) -> EstimateRecord | None:
    """Return the gain that was hardest to show: that with the lowest end."""
    gains = [each["gain"] for each in comparisons if interval_of(each["gain"])]
    return min(gains, key=lambda gain: (interval_of(gain) or (0, 0, 0))[1], default=None)
