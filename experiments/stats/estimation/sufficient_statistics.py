"""Sufficient statistics of an experiment: the only input of every method.

A value holds one arm, or any array of arms whose last axis is the arm (control first). Values of
disjoint visitors add with `+`. Quantities that do not add, such as the coefficient of CUPED
(controlled-experiment using pre-experiment data), are computed later from the sums.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt

from experiments.stats.estimation.messages import InvalidFieldError

FloatArray = npt.NDArray[np.float64]
Values = float | FloatArray

# Squares and products of two such numbers, and their quotients, stay inside a double.
LARGEST = 1e100
# Cancellation in `sum_squares - sum**2 / n` leaves about this share of noise in float sums.
ROUNDING = 1e-9

_RANGE = f"must be finite and at most {LARGEST:g} in size"
_COVARIATE = ("covariate_sum", "covariate_sum_squares", "covariate_product_sum")


class Fault(StrEnum):
    """Faults of a count, as an error names them."""

    NEGATIVE = "must not be negative"
    NOT_WHOLE = "must be a whole number"
    ABOVE_N = "must be at most n"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SufficientStatistics:
    """Fields common to all metrics: visitors and, optionally, a pre-experiment covariate.

    Args:
        n: Visitors; whole numbers >= 0.
        covariate_sum: Sum over visitors of a covariate that was fixed before assignment.
        covariate_sum_squares: Sum of its squares.
        covariate_product_sum: Sum of covariate times outcome (a ratio's numerator).

    Raises:
        ValueError: If a field is not finite, out of range or contradicts another one; the
            message names the field and the value.
    """

    n: Values
    covariate_sum: Values | None = None
    covariate_sum_squares: Values | None = None
    covariate_product_sum: Values | None = None

    def __post_init__(self) -> None:
        for name, value in self._items():
            object.__setattr__(self, name, _checked(name, value))
        _check_whole("n", self.n)
        self._check_shapes()
        self._check_covariate_is_whole_or_absent()

    def __add__(self, other: Self) -> Self:
        if type(other) is not type(self):
            return NotImplemented
        mine, theirs = dict(self._items()), dict(other._items())
        if mine.keys() != theirs.keys():
            lacking = sorted(mine.keys() ^ theirs.keys())
            raise ValueError(f"{lacking[0]} is missing in one of the values added")
        return type(self)(**{name: mine[name] + theirs[name] for name in mine})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SufficientStatistics) or type(other) is not type(self):
            return NotImplemented
        mine, theirs = dict(self._items()), dict(other._items())
        return mine.keys() == theirs.keys() and all(
            np.array_equal(mine[name], theirs[name]) for name in mine
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def has_covariate(self) -> bool:
        """Return whether a pre-experiment covariate is present."""
        return self.covariate_sum is not None

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of every field; `()` for one arm."""
        return np.shape(self.n)

    def _items(self) -> Iterator[tuple[str, Values]]:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                yield field.name, value

    def _check_shapes(self) -> None:
        for name, value in self._items():
            if np.shape(value) != self.shape:
                raise ValueError(f"{name} has shape {np.shape(value)}, but n has {self.shape}")
            _reject(name, value, (np.asarray(self.n) == 0) & (np.asarray(value) != 0), "n is 0")

    def _check_covariate_is_whole_or_absent(self) -> None:
        missing = [name for name in _COVARIATE if getattr(self, name) is None]
        if missing and len(missing) < len(_COVARIATE):
            requirement = f"a covariate needs {', '.join(_COVARIATE)}"
            raise InvalidFieldError(missing[0], "is missing", requirement)

    def _check_covariate(self, outcome_sum: Values, outcome_squares: Values) -> None:
        if self.covariate_sum is None:
            return
        _check_squares("covariate_sum_squares", self, self.covariate_sum)
        _check_product(
            "covariate_product_sum",
            self,
            (self.covariate_sum, outcome_sum),
            (self.covariate_sum_squares, outcome_squares),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proportion(SufficientStatistics):
    """Visitors who did something once or more, among `n`.

    Args:
        sum: Visitors who did it; whole, 0 <= sum <= n.

    >>> day_1, day_2 = Proportion(n=100, sum=4), Proportion(n=50, sum=3)
    >>> (day_1 + day_2).sum
    7
    >>> Proportion(n=10, sum=11)
    Traceback (most recent call last):
        ...
    experiments.stats.estimation.messages.InvalidFieldError: sum must be at most n: 11
    """

    sum: Values

    def __post_init__(self) -> None:
        SufficientStatistics.__post_init__(self)
        _check_whole("sum", self.sum)
        _reject("sum", self.sum, np.asarray(self.sum) > self.n, Fault.ABOVE_N)
        self._check_covariate(self.sum, self.sum)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mean(SufficientStatistics):
    """A quantity for each visitor, such as revenue.

    Args:
        sum: Sum over visitors.
        sum_squares: Sum of squares, at least sum**2 / n.

    >>> Mean(n=2, sum=3.0, sum_squares=5.0) + Mean(n=1, sum=1.0, sum_squares=1.0) == Mean(
    ...     n=3, sum=4.0, sum_squares=6.0)
    True
    """

    sum: Values
    sum_squares: Values

    def __post_init__(self) -> None:
        SufficientStatistics.__post_init__(self)
        _check_squares("sum_squares", self, self.sum)
        self._check_covariate(self.sum, self.sum_squares)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ratio(SufficientStatistics):
    """A ratio of two quantities of each visitor, such as clicks per page view.

    The visitor, not the page view, is the unit of `n`.

    Args:
        numerator_sum: Sum of the numerator over visitors.
        numerator_sum_squares: Sum of its squares.
        denominator_sum: Sum of the denominator.
        denominator_sum_squares: Sum of its squares.
        product_sum: Sum of numerator times denominator.
        covariate_denominator_product_sum: Sum of covariate times denominator. A covariate
            reduces the variance of a ratio only when this is known too.

    >>> Ratio(n=2, numerator_sum=3, numerator_sum_squares=5, denominator_sum=4,
    ...       denominator_sum_squares=10, product_sum=7).shape
    ()
    """

    numerator_sum: Values
    numerator_sum_squares: Values
    denominator_sum: Values
    denominator_sum_squares: Values
    product_sum: Values
    covariate_denominator_product_sum: Values | None = None

    def __post_init__(self) -> None:
        SufficientStatistics.__post_init__(self)
        _check_squares("numerator_sum_squares", self, self.numerator_sum)
        _check_squares("denominator_sum_squares", self, self.denominator_sum)
        sums = (self.numerator_sum, self.denominator_sum)
        squares = (self.numerator_sum_squares, self.denominator_sum_squares)
        _check_product("product_sum", self, sums, squares)
        self._check_covariate(self.numerator_sum, self.numerator_sum_squares)
        self._check_denominator_product()

    def _check_denominator_product(self) -> None:
        if self.covariate_denominator_product_sum is None:
            return
        if self.covariate_sum is None or self.covariate_sum_squares is None:
            requirement = "covariate_denominator_product_sum needs it"
            raise InvalidFieldError("covariate_sum", "is missing", requirement)
        _check_product(
            "covariate_denominator_product_sum",
            self,
            (self.covariate_sum, self.denominator_sum),
            (self.covariate_sum_squares, self.denominator_sum_squares),
        )


Statistics = TypeVar("Statistics", bound=SufficientStatistics)


def stack_arms(arms: Sequence[Statistics]) -> Statistics:
    """Return one value whose last axis is the arm, control first.

    Args:
        arms: Values of one type and shape `(...)`, all with or all without a covariate; K >= 1.

    Returns:
        A value of shape `(..., K)`.

    Raises:
        ValueError: If `arms` is empty or the arms carry different fields.
        TypeError: If the arms are of different types.

    >>> stack_arms([Proportion(n=10, sum=1), Proportion(n=20, sum=3)]).sum.tolist()
    [1.0, 3.0]
    """
    if not arms:
        raise ValueError("arms must not be empty: []")
    kind, names = type(arms[0]), [name for name, _ in arms[0]._items()]
    for arm in arms:
        if type(arm) is not kind:
            raise TypeError(f"arms must be of one type: {kind.__name__}, {type(arm).__name__}")
        lacking = sorted(set(names) ^ {name for name, _ in arm._items()})
        if lacking:
            raise ValueError(f"{lacking[0]} is missing in some of the arms")
    return kind(**{name: np.stack([getattr(arm, name) for arm in arms], axis=-1) for name in names})


def _checked(name: str, value: Values) -> Values:
    if np.ndim(value) > 0:
        array = np.array(value, dtype=np.float64)
        array.flags.writeable = False
        # The negated comparison is true of NaN too.
        _reject(name, array, ~(np.abs(array) <= LARGEST), _RANGE)
        return array
    number: Values = value.item() if isinstance(value, np.ndarray | np.generic) else value
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise InvalidFieldError(name, "must be a number", repr(number))
    if not abs(number) <= LARGEST:
        raise InvalidFieldError(name, _RANGE, repr(number))
    return number


def _reject(name: str, value: Values, is_bad: npt.NDArray[np.bool_], why: str) -> None:
    if np.any(is_bad):
        first = value if np.ndim(value) == 0 else np.asarray(value)[np.asarray(is_bad)][0]
        raise InvalidFieldError(name, why, first)


def _check_whole(name: str, value: Values) -> None:
    array = np.asarray(value, dtype=np.float64)
    _reject(name, value, array < 0, Fault.NEGATIVE)
    _reject(name, value, array != np.floor(array), Fault.NOT_WHOLE)


def _check_squares(name: str, statistics: SufficientStatistics, total: Values) -> None:
    """Cauchy-Schwarz: n times the sum of squares is at least the square of the sum."""
    squares = np.asarray(getattr(statistics, name), dtype=np.float64)
    least = np.square(np.asarray(total, dtype=np.float64)) / np.maximum(statistics.n, 1)
    # Squares of numbers below 1e-162 vanish, the square of their sum does not.
    why = "is below the square of its sum over n"
    _reject(name, getattr(statistics, name), squares < least * (1 - ROUNDING) - 1 / LARGEST, why)


def _check_product(
    name: str,
    statistics: SufficientStatistics,
    sums: tuple[Values, Values],
    squares: tuple[Values | None, Values],
) -> None:
    """Cauchy-Schwarz again: a correlation lies in [-1, 1]."""
    n = np.maximum(np.asarray(statistics.n, dtype=np.float64), 1)
    product = np.asarray(getattr(statistics, name), dtype=np.float64)
    scales = [np.asarray(square, dtype=np.float64) for square in squares]
    spreads = [
        np.maximum(scale - np.square(np.asarray(total, dtype=np.float64)) / n, 0)
        for scale, total in zip(scales, sums, strict=True)
    ]
    covariance = product - np.asarray(sums[0], dtype=np.float64) * np.asarray(sums[1]) / n
    limit = np.sqrt(spreads[0]) * np.sqrt(spreads[1]) * (1 + ROUNDING)
    # Squares of numbers below 1e-150 vanish, their product with a larger one does not.
    noise = ROUNDING * np.sqrt(scales[0]) * np.sqrt(scales[1]) + 1 / LARGEST
    why = "implies a correlation outside [-1, 1]"
    _reject(name, getattr(statistics, name), np.abs(covariance) > limit + noise, why)
