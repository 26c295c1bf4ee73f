"""Results by segment (device, locale, new or returning), valid at every look.

With many segments one of them looks like a winner by luck, most often the smallest. So the first
question is whether the effect differs between the values of an attribute at all; only where it
does are single values called. Both are tested at every look, for all attributes, arms and values
together, and effects are shrunken towards their common mean.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from experiments.stats.bayesian.mixture_quantiles import mixture_quantiles
from experiments.stats.bayesian.normal_model import NormalMixture
from experiments.stats.estimation.comparisons import check_alpha
from experiments.stats.estimation.multiplicity import adjust_p_values, interval_levels
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.meta_analysis.heterogeneity import equal_effects_p_value, pooled_mean
from experiments.stats.meta_analysis.partial_pooling import pool_partially
from experiments.stats.sequential.boundaries import mixture_multiplier, mixture_p_value

UNDEFINED = "The segment has too little data for an effect with a standard error."
# Above it a lift is no number.
LARGEST_LOG_LIFT = 700.0
ONE_SEGMENT = "Fewer than two segments have a result, so there is nothing to compare."


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment of one comparison (an arm against control).

    Attributes:
        name: Value of the attribute.
        n: Visitors of both arms.
        log_lift: ln(1 + lift) in the segment; None where undefined.
        se: Its standard error; None where undefined.

    Raises:
        ValueError: If a number is out of range.
    """

    name: str
    n: float
    log_lift: float | None
    se: float | None

    def __post_init__(self) -> None:
        if not 0 <= self.n < math.inf:
            raise ValueError(f"segment {self.name} n must be at least 0, got {self.n}")
        if self.log_lift is not None and not abs(self.log_lift) <= LARGEST_LOG_LIFT:
            raise ValueError(f"segment {self.name} log_lift must be finite, got {self.log_lift}")
        if self.se is not None and not 0 <= self.se < math.inf:
            raise ValueError(f"segment {self.name} se must be at least 0, got {self.se}")

    @property
    def is_defined(self) -> bool:
        """Return whether the segment takes part."""
        return self.log_lift is not None and self.se is not None and self.se > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentResult:
    """Result of one segment; effects are lifts.

    Attributes:
        name: The segment.
        n: Its visitors.
        effect: Observed lift.
        interval: Its interval at every look, simultaneous over all segments of the report; None
            if unbounded for all practical purposes.
        p_value: P-value at every look, of this segment alone.
        p_value_adjusted: Adjusted for all attributes, arms and values, and at least that of the
            interaction: a segment is called only where the lift differs between segments.
        shrunken_effect: Posterior median after partial pooling: the number to report.
        shrunken_interval: Its credible interval of probability 1 - alpha.
        reason: Reason for undefined numbers, or None.
    """

    name: str
    n: float
    effect: float | None = None
    interval: tuple[float, float] | None = None
    p_value: float | None = None
    p_value_adjusted: float | None = None
    shrunken_effect: float | None = None
    shrunken_interval: tuple[float, float] | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """Test that the lift is the same in every segment of the attribute.

    Attributes:
        p_value: P-value at every look, of this attribute and arm alone.
        p_value_adjusted: Adjusted for all attributes and arms.
        differs: True if the latter is at most alpha: only then single segments are called.
    """

    p_value: float
    p_value_adjusted: float
    differs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentReport:
    """All segments of one attribute.

    Attributes:
        segments: In the order given.
        interaction: The first question, or None with fewer than two results.
        common_effect: Precision-weighted mean lift of the segments, or None.
        shrinkage: Pull of an average segment to the common mean, in (0, 1), or None.
        reason: Reason for a missing comparison of segments, or None.
    """

    segments: tuple[SegmentResult, ...]
    interaction: Interaction | None
    common_effect: float | None
    shrinkage: float | None
    reason: str | None = None


def analyse_segments(
    segments: Sequence[Segment], *, time: float, family: int = 1, alpha: float = 0.05
) -> SegmentReport:
    """Return the results of all segments of one attribute and arm.

    Each attribute and arm has alpha / family: where the lift is the same in all its segments,
    one wrong interaction spends it; where it is not, Holm's correction of its values does. So
    some false signal at some look, in any attribute, arm and value, has probability alpha.

    Args:
        segments: Disjoint segments (a visitor belongs to one), each with its effect.
        time: Visitors of the arm and the control over those planned; > 0 if a segment is
            defined. A segment's plan is its share of them.
        family: Attributes times arms that the report looks at, at least 1.
        alpha: Error rate of the report, in (0, 1).

    Returns:
        The report. Segments without a result keep their place, with a reason. With fewer than
        two results neither interaction nor shrinkage is defined, and no segment is called.

    Raises:
        ValueError: If a name is given twice or a number is out of range.

    Source: Gail, Simon (1985), "Testing for qualitative interactions between treatment effects
    and patient subsets", Biometrics 41 (on reading segments); `equal_effects_p_value`;
    `partial_pooling`.

    >>> report = analyse_segments([
    ...     Segment(name="desktop", n=9_000, log_lift=0.010, se=0.004),
    ...     Segment(name="tablet", n=300, log_lift=0.040, se=0.022),
    ... ], time=0.5)
    >>> report.interaction.differs
    False
    >>> [round(segment.shrunken_effect, 3) for segment in report.segments]
    [0.011, 0.015]
    """
    check_alpha(alpha)
    if family < 1:
        raise ValueError(f"family must be at least 1, got {family}")
    names = [segment.name for segment in segments]
    if len(set(names)) < len(names):
        raise ValueError(f"segments must have different names, got {names}")
    effects, ses = _arrays(segments)
    is_used = np.isfinite(ses)
    if is_used.any() and not 0 < time < math.inf:
        raise ValueError(f"time must be positive, got {time}")
    interaction = _interaction(effects, ses, family, alpha)
    results = _segment_results(
        segments, (effects, ses), time=time, family=family, alpha=alpha, interaction=interaction
    )
    if interaction is None:
        return SegmentReport(
            segments=tuple(results),
            interaction=None,
            common_effect=math.expm1(effects[is_used][0]) if is_used.any() else None,
            shrinkage=None,
            reason=ONE_SEGMENT,
        )
    return _with_pooling(results, (effects[is_used], ses[is_used]), interaction, 1 - alpha)


def _arrays(segments: Sequence[Segment]) -> tuple[FloatArray, FloatArray]:
    """Return effects and standard errors, NaN where a segment takes no part."""
    rows = [(one.log_lift, one.se) if one.is_defined else (None, None) for one in segments]
    columns = np.array(rows, dtype=np.float64).reshape(len(segments), 2)
    return columns[:, 0], columns[:, 1]


def _interaction(
    effects: FloatArray, ses: FloatArray, family: int, alpha: float
) -> Interaction | None:
    p_value = float(equal_effects_p_value(effects, ses))
    if math.isnan(p_value):
        return None
    adjusted = min(family * p_value, 1.0)
    return Interaction(p_value=p_value, p_value_adjusted=adjusted, differs=adjusted <= alpha)


def _segment_results(
    segments: Sequence[Segment],
    data: tuple[FloatArray, FloatArray],
    *,
    time: float,
    family: int,
    alpha: float,
    interaction: Interaction | None,
) -> list[SegmentResult]:
    effects, ses = data
    times = np.full(effects.shape, time)
    p_values = mixture_p_value(effects / ses, times, alpha=alpha)
    least = interaction.p_value_adjusted if interaction else 1.0
    adjusted = np.maximum(np.minimum(family * adjust_p_values(p_values, "holm"), 1.0), least)
    levels = interval_levels(p_values, "holm", alpha / family)
    half = mixture_multiplier(times, level=levels, alpha=alpha) * ses
    return [
        SegmentResult(
            name=segment.name,
            n=segment.n,
            effect=math.expm1(effects[i]),
            interval=_lifts(effects[i] - half[i], effects[i] + half[i]),
            p_value=float(p_values[i]),
            p_value_adjusted=float(adjusted[i]),
        )
        if segment.is_defined
        else SegmentResult(name=segment.name, n=segment.n, reason=UNDEFINED)
        for i, segment in enumerate(segments)
    ]


def _with_pooling(
    results: list[SegmentResult],
    data: tuple[FloatArray, FloatArray],
    interaction: Interaction,
    level: float,
) -> SegmentReport:
    effects, ses = data
    pooled = pool_partially(effects, ses)
    shrunken = iter(_medians_and_intervals(pooled.effects, level))
    segments = tuple(
        result if result.reason else _shrunken(result, *next(shrunken)) for result in results
    )
    return SegmentReport(
        segments=segments,
        interaction=interaction,
        common_effect=math.expm1(pooled_mean(effects, ses)[0]),
        shrinkage=pooled.shrinkage,
    )


def _medians_and_intervals(
    posteriors: Sequence[NormalMixture], level: float
) -> list[tuple[float, float, float]]:
    """Return each posterior's median and the ends of its equal-tailed interval."""
    tail = (1 - level) / 2
    weights, means, sds = (
        np.stack(parts)[:, None, :]
        for parts in zip(*((one.weights, one.means, one.sds) for one in posteriors), strict=True)
    )
    found = mixture_quantiles(weights, means, sds, np.array([[0.5, tail, 1 - tail]]))
    return [(median, low, high) for median, low, high in found.tolist()]


def _shrunken(result: SegmentResult, median: float, low: float, high: float) -> SegmentResult:
    return replace(result, shrunken_effect=math.expm1(median), shrunken_interval=_lifts(low, high))


def _lifts(low: float, high: float) -> tuple[float, float] | None:
    """Return the ends as lifts; None where the upper one is too large for a number."""
    return None if high > LARGEST_LOG_LIFT else (math.expm1(low), math.expm1(high))
