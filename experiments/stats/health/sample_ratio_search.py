"""Search for the segment (browser, device, release, bot) that drives a sample-ratio mismatch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from experiments.stats.estimation.multiplicity import adjust_p_values
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.health.sample_ratio import (
    LEAST_EXPECTED,
    SRM_ALPHA,
    Numbers,
    check_shares,
    check_srm_sequential,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SrmDriver:
    """One value of one attribute whose traffic is split wrongly.

    Attributes:
        attribute: Such as "browser".
        value: Such as "Safari".
        counts: Visitors by arm with this value, control first.
        p_value_adjusted: P-value of its own split, valid at every look, Holm-adjusted over all
            values searched.
        p_value_without: P-value of the split of all others; None without any.
        explains: True if all other visitors are split well, so that the cause is likely here.
    """

    attribute: str
    value: str
    counts: tuple[int, ...]
    p_value_adjusted: float
    p_value_without: float | None
    explains: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SrmSearch:
    """Result of the search for the source of a sample-ratio mismatch (SRM).

    Attributes:
        attributes: Attribute -> p-value that its values are split alike, for one look (Holm
            over the attributes), smallest first. None where it has fewer than two usable values.
            They rank the attributes and accuse none.
        drivers: Badly split values, those that explain the mismatch first.
        n_searched: Values searched.
    """

    attributes: dict[str, float | None]
    drivers: tuple[SrmDriver, ...]
    n_searched: int


def find_srm_drivers(
    counts: Mapping[str, Mapping[str, Sequence[Numbers]]], shares: Sequence[Numbers]
) -> SrmSearch:
    """Search the attribute, and its value, that drive a sample-ratio mismatch.

    A fault of the assignment spoils every value alike; a fault of one browser, bot or release
    spoils that value. So attributes are ranked by how differently their values are split, and
    a value "explains" the mismatch when everybody else is split as configured. The values are
    tested as the whole is, by e-values, so the search may be repeated at every look.

    Args:
        counts: Attribute -> value -> for each phase, visitors by arm, control first. Values of
            one attribute are disjoint.
        shares: For each phase, its shares, by arm.

    Returns:
        The search; empty drivers when no value is badly split.

    Raises:
        ValueError: If counts or shares are invalid.

    Source: Fabijan et al. (2019), "Diagnosing sample ratio mismatch in online controlled
    experiments", KDD, section 5 (segment analysis).

    >>> search = find_srm_drivers({
    ...     "browser": {"Safari": [[900, 600]], "Chrome": [[5_000, 5_050]]},
    ...     "device": {"phone": [[2_950, 2_850]], "desktop": [[2_950, 2_800]]},
    ... }, [[0.5, 0.5]])
    >>> [(driver.value, driver.explains) for driver in search.drivers]
    [('Safari', True)]
    """
    cells = [
        (attribute, value, np.asarray(check, dtype=np.float64))
        for attribute, values in counts.items()
        for value, check in values.items()
    ]
    p_values = [check_srm_sequential(list(cell), shares).p_value for _, _, cell in cells]
    adjusted = adjust_p_values(np.array([np.nan if p is None else p for p in p_values]), "holm")
    drivers = [
        _driver(attribute, value, cell, p_value=float(p), values=counts[attribute], shares=shares)
        for (attribute, value, cell), p in zip(cells, adjusted, strict=True)
        if p < SRM_ALPHA
    ]
    drivers.sort(key=lambda driver: (not driver.explains, driver.p_value_adjusted))
    return SrmSearch(
        attributes=_homogeneity_by_attribute(counts, shares),
        drivers=tuple(drivers),
        n_searched=len(cells),
    )


def _driver(
    attribute: str,
    value: str,
    cell: FloatArray,
    *,
    p_value: float,
    values: Mapping[str, Sequence[Numbers]],
    shares: Sequence[Numbers],
) -> SrmDriver:
    others = [np.asarray(phases) for name, phases in values.items() if name != value]
    without = check_srm_sequential(np.sum(others, axis=0), shares).p_value if others else None
    return SrmDriver(
        attribute=attribute,
        value=value,
        counts=tuple(int(count) for count in cell.sum(axis=0)),
        p_value_adjusted=p_value,
        p_value_without=without,
        explains=without is not None and without >= SRM_ALPHA,
    )


def _homogeneity_by_attribute(
    counts: Mapping[str, Mapping[str, Sequence[Numbers]]], shares: Sequence[Numbers]
) -> dict[str, float | None]:
    """Return for each attribute the p-value that all its values are split alike."""
    homogeneity = {
        name: _homogeneity(list(values.values()), shares) for name, values in counts.items()
    }
    p_values = np.array([np.nan if p is None else p for p in homogeneity.values()])
    adjusted = dict(zip(homogeneity, adjust_p_values(p_values, "holm").tolist(), strict=True))
    ranked = sorted(adjusted, key=lambda name: (np.isnan(adjusted[name]), adjusted[name]))
    return {name: None if np.isnan(adjusted[name]) else adjusted[name] for name in ranked}


def _homogeneity(values: list[Sequence[Numbers]], shares: Sequence[Numbers]) -> float | None:
    """Return the p-value of Pearson's test of values x arms, added over the phases.

    None with too few visitors in every phase.
    """
    statistic, dof = 0.0, 0
    for phase, of_arms in enumerate(shares):
        table = np.array([counts[phase] for counts in values], dtype=np.float64)
        table = table.reshape(len(values), len(of_arms))
        table = table[:, check_shares(of_arms, len(of_arms)) > 0]
        # Values too rare for a chi-squared test take no part.
        table = table[(_expected(table) >= LEAST_EXPECTED).all(axis=1)]
        if table.shape[0] >= 2:
            expected = _expected(table)
            statistic += float(np.sum((table - expected) ** 2 / expected))
            dof += (table.shape[0] - 1) * (table.shape[1] - 1)
    return float(scipy.stats.chi2.sf(statistic, dof)) if dof else None


def _expected(table: FloatArray) -> FloatArray:
    """Return the visitors that each cell would hold if all values were split alike."""
    total = max(float(table.sum()), 1.0)
    return np.asarray(np.outer(table.sum(axis=1), table.sum(axis=0)) / total)
