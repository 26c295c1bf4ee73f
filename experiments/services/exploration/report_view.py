"""View of a report: two arms, a metric, a segment, days and a reading, chosen in the address.

Page, API and files parse the same names by `parse_view`, so that a link is the view.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from django.utils.translation import gettext as _

from experiments.models import Experiment
from experiments.services.analysis.comparisons import is_sequential
from experiments.services.analysis.currencies import mixed_goals
from experiments.services.analysis.report import ArmResult, Report
from experiments.services.analysis.rollup_source import Counts

# Names in the address and in the API; never rename: links that people sent hold them.
FIELDS = ("arm", "against", "metric", "segment", "from", "to", "cuped", "reading")
# What else an address may name: the file, its language and table, and marks of mailings.
BESIDE_THE_VIEW = ("format", "language", "table", "site", "version")
MARKS = ("utm_", "_")
ReadingChoice = Literal["both", "fixed", "sequential"]
READINGS: tuple[ReadingChoice, ...] = get_args(ReadingChoice)
CUPED = {"": None, "on": True, "off": False}
# More names than this help nobody who mistyped one.
MOST_NAMED = 12


class ViewRefusedError(ValueError):
    """Choices that make no sense: sentences by the field that they are about."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {text}" for field, text in faults.items()))
        self.faults = dict(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewMetric:
    """A metric that may be chosen; `key` names it in the address."""

    metric: Experiment.Metric
    goal: str
    is_primary: bool

    @property
    def key(self) -> str:
        return f"{self.metric.value}:{self.goal}" if self.goal else self.metric.value

    @property
    def name(self) -> str:
        return f"{self.metric.label} {self.goal}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewOffer:
    """Choices that a report offers.

    `days` are the first and the last with visitors. `mixed_goals` have values in several
    currencies.
    """

    arms: tuple[ArmResult, ...]
    metrics: tuple[ViewMetric, ...]
    segments: tuple[str, ...]
    days: tuple[date, date] | None
    is_sequential: bool
    mixed_goals: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """Choice of a comparison: arm `arm` against arm `against`, by their numbers.

    An empty segment is everybody; days are those of the first exposure, None for an open end.
    `cuped` is None as the report has it.
    """

    arm: int
    against: int
    metric: ViewMetric
    segment: str = ""
    first_day: date | None = None
    last_day: date | None = None
    cuped: bool | None = None
    reading: ReadingChoice = "both"

    @property
    def has_span(self) -> bool:
        return self.first_day is not None or self.last_day is not None

    def has_day(self, day: date) -> bool:
        """Return whether the visitors first exposed on a day are counted."""
        is_late = self.first_day is None or day >= self.first_day
        return is_late and (self.last_day is None or day <= self.last_day)


def is_chosen(query: Mapping[str, str]) -> bool:
    """Return whether the address chooses anything, or names what no view has."""
    return any(query.get(name) for name in FIELDS) or bool(_unknown(query))


def view_offer(report: Report, counts: Counts) -> ViewOffer | None:
    """Return what may be chosen; None where the report, of the same counts, compares nothing."""
    is_draft = report.experiment.status == Experiment.Status.DRAFT
    if len(report.arms) < 2 or is_draft:
        return None
    days = [row.day for row in report.rollups]
    return ViewOffer(
        arms=report.arms,
        metrics=_metrics(report.experiment),
        segments=tuple(sorted({cell.segment for cell in counts.outcomes()})),
        days=(min(days), max(days)) if days else None,
        is_sequential=is_sequential(report.experiment),
        mixed_goals=frozenset(mixed_goals(report.currencies)),
    )


def parse_view(query: Mapping[str, str], offer: ViewOffer | None) -> ReportView:
    """Return the view that an address chooses; what it leaves out is as in the report.

    Raises:
        ViewRefusedError: If a choice is unknown, or makes no sense beside the others.
    """
    if unknown := _unknown(query):
        text = _("Not known here. Known are: %(names)s.") % {"names": ", ".join(FIELDS)}
        raise ViewRefusedError(dict.fromkeys(unknown, text))
    if offer is None:
        raise ViewRefusedError({"arm": _("This experiment compares nothing yet.")})
    faults: dict[str, str] = {}
    against = _arm(query.get("against", ""), offer, 0, "against", faults)
    other = next(arm.arm for arm in offer.arms if arm.arm != against)
    arm = _arm(query.get("arm", ""), offer, other, "arm", faults)
    view = ReportView(
        arm=arm,
        against=against,
        metric=_metric(query.get("metric", ""), offer, faults),
        segment=_segment(query.get("segment", ""), offer, faults),
        first_day=_day(query.get("from", ""), "from", faults),
        last_day=_day(query.get("to", ""), "to", faults),
        cuped=CUPED.get(query.get("cuped", "")),
        reading=_reading(query.get("reading", ""), faults),
    )
    if query.get("cuped", "") not in CUPED:
        faults["cuped"] = _one_of(["on", "off"])
    faults = {**_contradictions(view, offer), **faults}
    if faults:
        raise ViewRefusedError(faults)
    return view


def _unknown(query: Mapping[str, str]) -> list[str]:
    """Return the names in an address that are none of a view: a mistyped one chooses nothing."""
    known = (*FIELDS, *BESIDE_THE_VIEW)
    return [
        name
        for name in query
        if query.get(name) and name not in known and not name.startswith(MARKS)
    ]


def _metrics(experiment: Experiment) -> tuple[ViewMetric, ...]:
    """Return the primary metric, the secondary ones and the guardrails, each once."""
    primary = (experiment.primary_metric, experiment.goal)
    secondary = [(row.metric, row.goal) for row in experiment.secondary_metrics.all()]
    guardrails = [(row.metric, row.goal) for row in experiment.guardrails.all()]
    named = dict.fromkeys([primary, *secondary, *guardrails])
    return tuple(
        ViewMetric(
            metric=Experiment.Metric(metric), goal=goal, is_primary=(metric, goal) == primary
        )
        for metric, goal in named
    )


def _arm(text: str, offer: ViewOffer, default: int, field: str, faults: dict[str, str]) -> int:
    if not text:
        return default
    arms = {arm.key: arm.arm for arm in offer.arms}
    if text not in arms:
        faults[field] = _one_of(list(arms))
    return arms.get(text, default)


def _metric(text: str, offer: ViewOffer, faults: dict[str, str]) -> ViewMetric:
    metrics = {metric.key: metric for metric in offer.metrics}
    if text and text not in metrics:
        faults["metric"] = _one_of(list(metrics))
    return metrics.get(text, offer.metrics[0])


def _segment(text: str, offer: ViewOffer, faults: dict[str, str]) -> str:
    if text and text not in offer.segments:
        faults["segment"] = (
            _one_of(offer.segments) if offer.segments else _("No visitor came with a segment.")
        )
    return text


def _day(text: str, field: str, faults: dict[str, str]) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        faults[field] = _("Write a day as year, month and day: 2026-11-20.")
        return None


def _reading(text: str, faults: dict[str, str]) -> ReadingChoice:
    for reading in READINGS:
        if text == reading:
            return reading
    if text:
        faults["reading"] = _one_of(READINGS)
    return "both"


def _contradictions(view: ReportView, offer: ViewOffer) -> dict[str, str]:
    """Return what each choice has against the others."""
    faults = _faults_of_days(view, offer)
    metric = view.metric
    if view.arm == view.against:
        faults["against"] = _("An arm cannot be compared with itself.")
    if metric.metric in Experiment.METRICS_OF_VALUES and metric.goal in offer.mixed_goals:
        faults["metric"] = _("Its values are in several currencies and cannot be added.")
    if view.segment and metric.goal and not metric.is_primary:
        faults["segment"] = _("Only clicks and the primary goal are counted by segment.")
    if view.cuped and not metric.is_primary:
        faults["cuped"] = _("CUPED adjusts for the past of the primary metric only.")
    if view.reading == "sequential" and not offer.is_sequential:
        faults["reading"] = _("This test has a fixed plan: it has no sequential reading.")
    elif view.reading == "sequential" and view.has_span:
        faults["reading"] = _("A span of days is one look: it has no sequential reading.")
    return faults


def _faults_of_days(view: ReportView, offer: ViewOffer) -> dict[str, str]:
    first, last = view.first_day, view.last_day
    if first and last and first > last:
        return {"to": _("The last day is before the first.")}
    if not view.has_span or offer.days is None:
        return {}
    begin, end = offer.days
    is_outside = (first is not None and first > end) or (last is not None and last < begin)
    if not is_outside:
        return {}
    text = _("The visitors of this test came from %(first)s to %(last)s.")
    days = {"first": begin.isoformat(), "last": end.isoformat()}
    return {"from" if first is not None and first > end else "to": text % days}


def _one_of(names: Sequence[str]) -> str:
    more = ", …" if len(names) > MOST_NAMED else ""
    listed = ", ".join(names[:MOST_NAMED]) + more
    return _("Choose one of: %(names)s.") % {"names": listed}
