"""Results by segment (device, locale, new or returning), partially pooled.

With many segments one of them looks like a winner by luck, most often the smallest. So: p-values
corrected inside the family, one test of "does the effect differ between segments at all", and
effects shrunken towards their common mean.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, ndtri

from experiments.stats.bayesian.normal_model import NormalMixture
from experiments.stats.estimation.comparisons import check_alpha
from experiments.stats.estimation.multiplicity import Correction, adjust_p_values, interval_levels
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.meta_analysis.heterogeneity import Heterogeneity, cochran_q, pooled_mean
from experiments.stats.meta_analysis.partial_pooling import pool_partially

UNDEFINED = "The segment has too little data for an effect with a standard error."
ONE_SEGMENT = "Fewer than two segments have a result, so there is nothing to compare."


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment of one comparison (an arm against control).

    Attributes:
        name: Value of the attribute.
        n: Visitors of both arms.
        effect: Effect (or lift) in the segment; None where undefined.
        se: Its standard error; None where undefined.

    Raises:
        ValueError: If a number is out of range.
    """

    name: str
    n: float
    effect: float | None
    se: float | None

    def __post_init__(self) -> None:
        if not 0 <= self.n < math.inf:
            raise ValueError(f"segment {self.name} n must be at least 0, got {self.n}")
        if self.effect is not None and not math.isfinite(self.effect):
            raise ValueError(f"segment {self.name} effect must be finite, got {self.effect}")
        if self.se is not None and not 0 <= self.se < math.inf:
            raise ValueError(f"segment {self.name} se must be at least 0, got {self.se}")

    @property
    def is_defined(self) -> bool:
        """Return whether the segment takes part."""
        return self.effect is not None and self.se is not None and self.se > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentResult:
    """Result of one segment.

    Attributes:
        name: The segment.
        n: Its visitors.
        effect: Observed effect.
        interval: Its interval at the level that agrees with the adjusted p-value.
        p_value: Two-sided, of this segment alone.
        p_value_adjusted: Adjusted for all segments of the family.
        shrunken_effect: Posterior mean after partial pooling: the number to report.
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
class SegmentReport:
    """All segments of one attribute.

    Attributes:
        segments: In the order given.
        interaction: Cochran's test that the effect is the same in every segment, or None.
        common_effect: Precision-weighted mean of the segments, or None.
        shrinkage: Pull of an average segment to the common mean, in (0, 1), or None.
        correction: The correction used inside the family.
        reason: Reason for a missing comparison of segments, or None.
    """

    segments: tuple[SegmentResult, ...]
    interaction: Heterogeneity | None
    common_effect: float | None
    shrinkage: float | None
    correction: Correction
    reason: str | None = None


def analyse_segments(
    segments: Sequence[Segment], *, alpha: float = 0.05, correction: Correction = "holm"
) -> SegmentReport:
    """Return the results of all segments of one attribute.

    Args:
        segments: Disjoint segments (a visitor belongs to one), each with its effect.
        alpha: Error rate of the family, in (0, 1).
        correction: Correction inside the family: every segment of the attribute, those without
            a result too.

    Returns:
        The report. Segments without a result keep their place, with a reason. With fewer than
        two results neither interaction nor shrinkage is defined.

    Raises:
        ValueError: If a name is given twice or a number is out of range.

    Source: Gail, Simon (1985), "Testing for qualitative interactions between treatment effects
    and patient subsets", Biometrics 41 (on reading segments); `partial_pooling`.

    >>> report = analyse_segments([
    ...     Segment(name="desktop", n=9_000, effect=0.010, se=0.004),
    ...     Segment(name="tablet", n=300, effect=0.040, se=0.022),
    ... ])
    >>> [round(segment.shrunken_effect, 3) for segment in report.segments]
    [0.011, 0.017]
    """
    check_alpha(alpha)
    names = [segment.name for segment in segments]
    if len(set(names)) < len(names):
        raise ValueError(f"segments must have different names, got {names}")
    used = [i for i, segment in enumerate(segments) if segment.is_defined]
    effects, ses = _arrays([segments[i] for i in used])
    p_values = np.full(len(segments), np.nan)
    p_values[used] = 2 * ndtr(-np.abs(effects) / ses)
    adjusted = adjust_p_values(p_values, correction)
    critical = -ndtri(interval_levels(p_values, correction, alpha) / 2)
    results = [
        _segment_result(segment, p_values[i], adjusted[i], critical[i])
        for i, segment in enumerate(segments)
    ]
    if len(used) < 2:
        return SegmentReport(
            segments=tuple(results),
            interaction=None,
            common_effect=float(effects[0]) if used else None,
            shrinkage=None,
            correction=correction,
            reason=ONE_SEGMENT,
        )
    return _with_pooling(results, (effects, ses), alpha, correction)


def _with_pooling(
    results: list[SegmentResult],
    data: tuple[FloatArray, FloatArray],
    alpha: float,
    correction: Correction,
) -> SegmentReport:
    effects, ses = data
    pooled = pool_partially(effects, ses)
    posteriors = iter(pooled.effects)
    segments = tuple(
        result if result.reason else _shrunken(result, next(posteriors), 1 - alpha)
        for result in results
    )
    return SegmentReport(
        segments=segments,
        interaction=cochran_q(effects, ses),
        common_effect=pooled_mean(effects, ses)[0],
        shrinkage=pooled.shrinkage,
        correction=correction,
    )


def _segment_result(
    segment: Segment, p_value: float, adjusted: float, critical: float
) -> SegmentResult:
    if segment.effect is None or segment.se is None or segment.se == 0:
        return SegmentResult(name=segment.name, n=segment.n, reason=UNDEFINED)
    half = float(critical) * segment.se
    return SegmentResult(
        name=segment.name,
        n=segment.n,
        effect=segment.effect,
        interval=(segment.effect - half, segment.effect + half),
        p_value=float(p_value),
        p_value_adjusted=float(adjusted),
    )


def _shrunken(result: SegmentResult, posterior: NormalMixture, level: float) -> SegmentResult:
    return replace(
        result, shrunken_effect=posterior.mean, shrunken_interval=posterior.interval(level)
    )


def _arrays(segments: Sequence[Segment]) -> tuple[FloatArray, FloatArray]:
    effects = np.array([segment.effect for segment in segments], dtype=np.float64)
    return effects, np.array([segment.se for segment in segments], dtype=np.float64)
