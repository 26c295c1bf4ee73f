"""Readout of a site's holdout: conversions of everybody against those of the visitors held out."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from experiments.event_schema.digests import is_visitor_digest
from experiments.models import Experiment, Site
from experiments.selectors import events, reports
from experiments.services.catalogue.holdouts import holdout_rule, is_held_out
from experiments.services.reporting.full_report import full_report
from experiments.stats.frequentist.split_ratio import SplitRatio, split_ratio
from experiments.stats.planning.split_ratio_size import split_ratio_size

LONGEST_DAYS = 365
# About two seconds of hashing.
MOST_VISITORS = 500_000
MOST_SHIPPED = 50
LIFT_WORTH_FINDING = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedLift:
    """A tested wording that is its slot's default now, with the lift measured and to be expected.

    `expected` is shrunken; None where nothing corrects the measured one.
    """

    experiment: str
    text: str
    lift: float
    expected: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldoutReadout:
    """Converting visitors held out and all others, by one goal, since a time.

    `ratio` is None without conversions. `is_cut`: there were more converting visitors than are
    read. `expected_sum` is what the shipped wordings should have brought together.
    """

    goal: str
    since: datetime
    share: float
    held_out: int
    others: int
    ratio: SplitRatio | None
    is_cut: bool
    shipped: tuple[ShippedLift, ...]
    expected_sum: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldoutReach:
    """Converting visitors with which a holdout of this share shows the lift, with a power of 80 %.

    `longer` is the part by which every test takes longer, for it has fewer visitors.
    """

    share: float
    conversions: int
    lift: float
    longer: float


def read_holdout(*, site: Site, goal: str, days: int, now: datetime) -> HoldoutReadout | None:
    """Return the readout; None if nobody is held out.

    Visitors need not be counted: the holdout is drawn at random, so without an effect its share
    of the converting visitors is its share of the visitors. For one look, and only if the holdout
    was the same all the time. Bots and internal traffic are left out.

    Raises:
        ValueError: If the days are not in 1 to 365.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise ValueError(f"days must be in 1 to {LONGEST_DAYS}, got {days}")
    if not site.holdout:
        return None
    since = now - timedelta(days=days)
    visitors = events.converting_visitors(
        site=site, goal=goal, since=since, until=now, limit=MOST_VISITORS + 1
    )
    kept = visitors[:MOST_VISITORS]
    rule = holdout_rule(site)
    # A digest does not tell it: its events are flagged.
    held_out = sum(
        is_flagged if is_visitor_digest(visitor) else is_held_out(rule, visitor)
        for visitor, is_flagged in kept
    )
    shipped = tuple(_shipped(site, goal, now))
    return HoldoutReadout(
        goal=goal,
        since=since,
        share=float(site.holdout),
        held_out=held_out,
        others=len(kept) - held_out,
        ratio=split_ratio(held_out, len(kept) - held_out, share=float(site.holdout)),
        is_cut=len(visitors) > MOST_VISITORS,
        shipped=shipped,
        expected_sum=sum(row.expected for row in shipped if row.expected is not None),
    )


def holdout_reach(*, share: float) -> HoldoutReach:
    """Return what holding out this part of the visitors, in (0, 1), shows and costs."""
    return HoldoutReach(
        share=share,
        conversions=split_ratio_size(LIFT_WORTH_FINDING, share=share),
        lift=LIFT_WORTH_FINDING,
        longer=1 / (1 - share) - 1,
    )


def readout_as_json(readout: HoldoutReadout) -> dict[str, Any]:
    """Return the readout in JSON types only; JSON has no infinity, so an open end is null."""
    content = asdict(readout)
    if readout.ratio is not None:
        ends = [end if math.isfinite(end) else None for end in readout.ratio.interval]
        content["ratio"]["interval"] = ends
    return content


def _shipped(site: Site, goal: str, now: datetime) -> Iterator[ShippedLift]:
    for experiment in reports.shipped_experiments(site=site, goal=goal)[:MOST_SHIPPED]:
        full = full_report(experiment=experiment, now=now)
        arm = _shipped_arm(experiment)
        for row in full.insights.lifts if full.insights else ():
            if row.arm == arm:
                yield ShippedLift(
                    experiment=experiment.key,
                    text=full.report.arms[arm].text,
                    lift=row.estimate.lift,
                    expected=row.expected.estimate if row.expected else None,
                )


def _shipped_arm(experiment: Experiment) -> int:
    default = experiment.slot.default_cta_id
    return next(row.arm for row in experiment.variants.all() if row.arm and row.cta_id == default)
