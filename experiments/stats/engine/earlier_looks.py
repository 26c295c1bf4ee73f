"""Earlier looks of an analyze request: sums that only grow, oldest first."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import pairwise

import numpy as np

from experiments.stats.engine.arms import Metric, arms_of, sums_of
from experiments.stats.engine.fields import InvalidRequest, refuse_unknown
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Proportion,
    SufficientStatistics,
)

# Comparisons of all looks together: 1,000 looks at two arms, 10 at a hundred.
MOST_COMPARISONS = 1_000


def looks_of(
    looks: object, metric: Metric, names: Sequence[str], now: SufficientStatistics
) -> SufficientStatistics:
    """Return the sums at each look.

    Args:
        looks: Field `looks`: objects with the field `arms`, as in the request itself.
        metric: Kind of metric.
        names: Names of the arms, control first.
        now: Sums of the request, shape `(K,)`.

    Returns:
        Statistics of shape `(D, K)`, the last look now.

    Raises:
        InvalidRequest: If there are too many looks, a look has other arms or fields, or a sum
            that cannot fall does.

    >>> now = Proportion(n=np.array([20.0, 20.0]), sum=np.array([3.0, 2.0]))
    >>> look = {"arms": [{"name": "a", "n": 10, "sum": 1}, {"name": "b", "n": 9, "sum": 1}]}
    >>> looks_of([look], "proportion", ["a", "b"], now).n.tolist()
    [[10.0, 9.0], [20.0, 20.0]]
    """
    if not isinstance(looks, list | tuple):
        raise InvalidRequest("looks", "must be a list of earlier looks, the oldest first")
    most = MOST_COMPARISONS // (len(names) - 1) - 1
    if len(looks) > most:
        message = f"must be at most {most} looks at {len(names)} arms; there are {len(looks)}"
        raise InvalidRequest("looks", message)
    path = [
        *(_look(look, metric, names, prefix=f"looks[{k}].") for k, look in enumerate(looks)),
        now,
    ]
    for index, (before, after) in enumerate(pairwise(path)):
        prefix = f"looks[{index + 1}]." if index + 1 < len(looks) else ""
        _check_growth(before, after, prefix=prefix, earlier=f"looks[{index}]")
    return type(now)(
        **{name: np.stack([getattr(look, name) for look in path]) for name in _given(now)}
    )


def _look(
    look: object, metric: Metric, names: Sequence[str], *, prefix: str
) -> SufficientStatistics:
    if not isinstance(look, Mapping):
        raise InvalidRequest(prefix.rstrip("."), "must be a JSON object")
    refuse_unknown(look, ("arms",), prefix=prefix)
    arms = arms_of(look, prefix=prefix)
    for index, (arm, name) in enumerate(zip(arms, names, strict=False)):
        if arm.get("name") != name:
            message = f"must be {name!r}: the arms of a look are those of the request, in its order"
            raise InvalidRequest(f"{prefix}arms[{index}].name", message)
    if len(arms) != len(names):
        message = f"must be the {len(names)} arms of the request; there are {len(arms)}"
        raise InvalidRequest(f"{prefix}arms", message)
    return sums_of(arms, metric, prefix=prefix)


def _check_growth(
    before: SufficientStatistics, after: SufficientStatistics, *, prefix: str, earlier: str
) -> None:
    missing = sorted(_given(before) ^ _given(after))
    if missing:
        message = f"is given at some looks and missing at others: here or in {earlier}"
        raise InvalidRequest(f"{prefix}arms[0].{missing[0]}", message)
    for name, (old, new) in _growing(before, after).items():
        fallen = np.flatnonzero(new < old)
        if fallen.size:
            arm = int(fallen[0])
            message = f"must not fall; {earlier} has {old[arm]:.17g}, not {new[arm]:.17g}"
            raise InvalidRequest(f"{prefix}arms[{arm}].{name}", message)


def _growing(
    before: SufficientStatistics, after: SufficientStatistics
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return the fields that more visitors can only raise: counts and sums of squares."""
    is_rate = isinstance(after, Proportion)
    return {
        name: (np.asarray(getattr(before, name)), np.asarray(getattr(after, name)))
        for name in sorted(_given(after))
        if name == "n" or name.endswith("squares") or (is_rate and name == "sum")
    }


def _given(statistics: SufficientStatistics) -> set[str]:
    names = {field.name for field in fields(statistics)}
    return {name for name in names if getattr(statistics, name) is not None}
