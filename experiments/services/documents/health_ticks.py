"""Health of an experiment as ticks: what was checked, and whether it is as it should be."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext as _

from experiments.formatting import percent
from experiments.models import Experiment
from experiments.services.analysis.report import Report
from experiments.services.insights.report_insights import Health
from experiments.services.reporting.full_report import FullReport
from experiments.stats.decision.decide import Status
from experiments.stats.health.effect_over_time import Trend

Level = Literal["good", "advice", "fault", "unknown"]
# Beside a colour, so that nobody needs to see colours.
MARKS: dict[Level, str] = {"good": "\u2713", "advice": "\u25cb", "fault": "\u2717", "unknown": "?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One check; `anchor` is the part of the report that has its figures."""

    level: Level
    text: str
    anchor: str = "health"


def health_ticks(full: FullReport) -> tuple[Tick, ...]:
    """Return the checks of an experiment, faults first; none before something is compared."""
    if not full.report.comparisons and full.report.srm is None:
        return ()
    order = ("fault", "advice", "unknown", "good")
    return tuple(sorted(_ticks(full), key=lambda tick: order.index(tick.level)))


def is_clean(ticks: tuple[Tick, ...]) -> bool:
    return not any(tick.level == "fault" for tick in ticks)


def _ticks(full: FullReport) -> Iterator[Tick]:
    yield _split(full)
    yield from _traffic(full)
    yield from _counting(full)
    if full.insights is not None:
        yield from _visitors(full.insights.health)
        yield from _effect(full)
    if full.bursts:
        yield Tick(level="fault", text=_("A burst of few senders was left out."))
    if full.interactions:
        text = _("Another experiment changes a lift.")
        yield Tick(level="advice", text=text, anchor="other-tests")


def _split(full: FullReport) -> Tick:
    srm = full.report.srm
    if srm is None or srm.p_value is None:
        return Tick(level="unknown", text=_("Too few visitors to check how they split."))
    if srm.is_mismatch:
        return Tick(level="fault", text=_mismatch(full.report))
    return Tick(level="good", text=_("Visitors split as configured."))


def _mismatch(report: Report) -> str:
    """Name the arm that is furthest from its share, where one share held all the time."""
    if report.strata.has_changed_shares:
        return _("Visitors do not split as configured.")
    visitors = sum(arm.visitors for arm in report.arms)
    shares = report.strata.shares[0].tolist()
    came = [arm.visitors / visitors for arm in report.arms]
    off = max(range(len(shares)), key=lambda arm: abs(came[arm] - shares[arm]))
    seen, planned = _told_apart(came[off], shares[off])
    text = _(
        "Visitors do not split as configured: “%(name)s” has %(seen)s of them instead of "
        "%(planned)s."
    )
    return text % {"name": report.arms[off].text, "seen": seen, "planned": planned}


def _told_apart(one: float, other: float) -> tuple[str, str]:
    """Return two shares with as few digits as tell them apart."""
    pairs = [(percent(one, digits), percent(other, digits)) for digits in range(4)]
    return next((pair for pair in pairs if pair[0] != pair[1]), pairs[-1])


def _traffic(full: FullReport) -> Iterator[Tick]:
    if full.report.experiment.status != Experiment.Status.RUNNING:
        return
    if full.decision is not None and full.decision.status is Status.NO_TRAFFIC:
        yield Tick(level="fault", text=_("No visitors are arriving."))
    elif any(arm.visitors for arm in full.report.arms):
        yield Tick(level="good", text=_("Visitors are arriving."))


def _counting(full: FullReport) -> Iterator[Tick]:
    experiment = full.report.experiment
    check = getattr(experiment, "rollup_check", None)
    if check is not None and check.n_differing:
        yield Tick(level="fault", text=_("Rollups do not match the raw events"))
    elif check is not None:
        yield Tick(level="good", text=_("A recount of the raw events gave the same sums."))
    if full.missing_goals:
        yield Tick(level="fault", text=_("A goal of the plan does not arrive"))
    watch = getattr(experiment, "cache_watch", None)
    if watch is not None and watch.alarmed_at is not None:
        text = _("One arm is frozen: a cache may be serving it to everyone")
        yield Tick(level="fault", text=text)


def _visitors(health: Health) -> Iterator[Tick]:
    several = health.multiple_arms
    if several.is_unhealthy:
        text = _("%(share)s of the visitors saw several wordings.")
        yield Tick(level="fault", text=text % {"share": percent(several.share, 1)})
    else:
        yield Tick(level="good", text=_("Visitors kept their wording."))
    if health.unknown_phase_visitors:
        yield Tick(level="advice", text=_("Some visitors do not say which shares they met."))


def _effect(full: FullReport) -> Iterator[Tick]:
    insights = full.insights
    if insights is None:
        return
    hints = insights.health.time
    if any(one.novelty.trend in (Trend.FADING, Trend.GROWING) for one in hints):
        yield Tick(level="advice", text=_("The effect changes from day to day."))
    elif hints:
        yield Tick(level="good", text=_("The effect shows no trend over the days."))
    if any(one.weekdays.differs for one in hints):
        yield Tick(level="advice", text=_("The effect differs between weekdays."))
    if any(one.too_good.is_suspicious for one in insights.lifts):
        text = _("The lift is larger than wordings usually bring.")
        yield Tick(level="advice", text=text)
