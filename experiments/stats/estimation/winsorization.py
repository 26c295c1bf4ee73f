"""Winsorisation: values above a cap are cut back to it, since a few of them decide a mean.

The cap is one number for all arms, fixed before the start. A percentile of each arm would cut the
better arm more and bias the effect; one that moves with incoming data breaks the guarantee of a
sequential plan.
"""

import math

import numpy as np
import numpy.typing as npt

# Cuts one visitor with a value in a thousand.
PERCENTILE = 99.9


def percentile_of(values: npt.ArrayLike, percentile: float = PERCENTILE) -> float:
    """Return the smallest observed value with at least this share of the values at or below it.

    Args:
        values: Past values of visitors, finite, shape `(n,)`, n >= 1.
        percentile: In (0, 100).

    Returns:
        One of the values.

    Raises:
        ValueError: If the values are none or not finite, or the percentile is out of range.

    Source: Tukey (1962), "The future of data analysis", Ann. Math. Stat. 33; Hyndman, Fan (1996),
    "Sample quantiles in statistical packages", Am. Stat. 50, definition 1.

    >>> percentile_of([1.0, 2.0, 3.0, 900.0], 75.0)
    3.0
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    if ordered.ndim != 1 or not ordered.size or not np.isfinite(ordered).all():
        raise ValueError("values must be finite, one for each visitor, and at least one")
    if not 0 < percentile < 100:
        raise ValueError(f"percentile must be in (0, 100), got {percentile}")
    # Slightly less before rounding up: 99.9 % of 1,000 is the 999th value.
    rank = max(math.ceil(ordered.size * percentile / 100 * (1 - 1e-12)), 1)
    return float(ordered[rank - 1])
