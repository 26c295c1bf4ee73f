"""Thresholds of the decision."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.stats.health.data_quality import MULTIPLE_COUNT, MULTIPLE_SHARE
from experiments.stats.health.sample_ratio import SRM_ALPHA


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Thresholds of the decision.

    Attributes:
        srm_alpha: Below it the split of the traffic is broken (Fabijan et al. 2019).
        multiple_arm_share: Unhealthy share of visitors who met several arms ...
        multiple_arm_count: ... from this many such visitors on.
        silent_hours: Hours without an exposure after which something is broken.
        minimum_visitors: Visitors of each arm before any verdict.
        minimum_conversions: Conversions of each arm before any verdict: below 20 an arm sequential
            intervals for lifts miss too often (8 % when read from the fifth click on).
        minimum_days: A whole week, because weekdays differ.
        harm_visitors: Visitors of each arm before harm is acted on, which waits for no week and
            for no verdict.
        harm_conversions: Half of the conversions that both arms need together for that.
        minimum_change: Lifts within +- this are called small.
        relevant_change: Arms within +- this of the control count as no different: the lift that
            the plan is made to find, where that is known.
    """

    srm_alpha: float = SRM_ALPHA
    multiple_arm_share: float = MULTIPLE_SHARE
    multiple_arm_count: int = MULTIPLE_COUNT
    silent_hours: float = 24.0
    minimum_visitors: float = 100
    minimum_conversions: float = 20
    minimum_days: float = 7.0
    harm_visitors: float = 100
    harm_conversions: float = 20
    minimum_change: float = 0.005
    relevant_change: float = 0.005
