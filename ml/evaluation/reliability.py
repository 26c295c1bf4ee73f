"""Reliability of stated chances: how often wordings won, by the chance that they were given."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Pairs whose likelier winner was given a chance between two limits.

    Attributes:
        low: Least chance of these pairs, in [0.5, 1].
        high: Chance from which on pairs belong to the bin above, in [0.5, 1].
        share: Their share of all pairs, in (0, 1].
        won: Share of them whose likelier winner won, in [0, 1].
    """

    low: float
    high: float
    share: float
    won: float


def reliability(points: Sequence[tuple[float, float, float]]) -> list[ReliabilityBin]:
    """Return the pairs between the points of a curve of risk and coverage, least sure first.

    Args:
        points: Coverage in (0, 1], ascending; chance of the least sure pair that is covered, in
            [0.5, 1]; accuracy on all that are covered, in [0, 1].

    Returns:
        A bin for each chance. Points of one chance cover the same pairs, as far as it goes on:
        the last of them counts.

    Raises:
        ValueError: If the coverages do not ascend within (0, 1].

    Source: DeGroot, Fienberg (1983), "The comparison and evaluation of forecasters", The
        Statistician 32; the curve of El-Yaniv and Wiener (2010) is the sum over the bins.

    >>> curve = [(0.5, 0.7, 0.8), (1, 0.5, 0.7)]
    >>> [(one.low, one.high, round(one.won, 3)) for one in reliability(curve)]
    [(0.5, 0.7, 0.6), (0.7, 1.0, 0.8)]
    """
    coverages = [coverage for coverage, *_ in points]
    before = [0.0, *coverages]
    is_ascending = all(one < other for one, other in zip(before, coverages, strict=False))
    if not is_ascending or any(coverage > 1 for coverage in coverages):
        raise ValueError(f"coverages must ascend within (0, 1], got {coverages!r}")
    last_of_each = {chance: (coverage, accuracy) for coverage, chance, accuracy in points}
    bins: list[ReliabilityBin] = []
    covered, hits, upper = 0.0, 0.0, 1.0
    for chance, (coverage, accuracy) in last_of_each.items():
        won = (accuracy * coverage - hits) / (coverage - covered)
        bins.append(
            ReliabilityBin(
                low=chance,
                high=upper,
                share=coverage - covered,
                # Rounded coverages let the difference leave [0, 1] by a little.
                won=min(max(won, 0.0), 1.0),
            )
        )
        covered, hits, upper = coverage, accuracy * coverage, chance
    return bins[::-1]
