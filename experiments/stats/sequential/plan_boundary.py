"""Boundary of a plan: valid at every look, whenever it is made, and for ever.

Time t is the part of the plan that is done (`visitor_clock`), B(t) = sqrt(t) z(t) a Brownian
motion without an effect. The error alpha is spent in three parts:

* until the plan's end, at any look: |B(t)| reaches the rising line a + t/2 (`IN_PLAN`, of which
  a part may be left to another test of rare clicks);
* once, at the plan's end: |B| reaches a lower level. The end is the first look with t >= 1 of a
  schedule that outcomes do not choose, such as the ends of days. Its level is that of the
  time really reached (Lan, DeMets 1983);
* after the end: a normal mixture with the rest, for ever.

The line is reached by t = 1 with P = Q(a + 1/2) + exp(-a) Q(a - 1/2), Q the normal upper tail, so
that 2 P bounds both sides; a follows from 2 P = IN_PLAN alpha. The end at time t rejects from the
level k on that solves 2 P(line not reached by 1, B(t) >= k) = AT_END alpha: given B(1) = b below
the line, it was reached with probability exp(-2 a (a + 1/2 - b)), which integrates to a closed
formula, and the visitors beyond the plan are normal noise: B(1) and B(t) are bivariate normal.
Each part's boundary falls as alpha grows, so that the smallest alpha that rejects is a p-value.

Source: Anderson (1960), "A modification of the sequential probability ratio test to reduce the
sample size", Ann. Math. Stat. 31, for the line; Lan, DeMets (1983), "Discrete sequential
boundaries for clinical trials", Biometrika 70, for the end. The slope and the parts were chosen
for 28 looks: 1.07 times the fixed test's visitors planned, 0.83 expected (docs/statistics.md).
"""

from collections.abc import Callable
from enum import IntEnum

import numpy as np
import numpy.typing as npt
from scipy import special

from experiments.stats.estimation.comparisons import check_alpha
from experiments.stats.estimation.sufficient_statistics import FloatArray, Values
from experiments.stats.sequential.boundaries import mixture_multiplier, mixture_p_value

# Parts of alpha: on the line until t = 1, with the end together, and after the end.
IN_PLAN, AT_END, AFTER = 0.63, 0.27, 0.10
SLOPE = 0.5
# The mixture is tightest at this time.
AFTER_TIME = 2.0
_BISECTIONS = 60
# A line that begins here is crossed with the smallest probability that a double holds.
_LARGEST_START = 37.0
_TINY = 1e-300


class Stage(IntEnum):
    """Place of a look in the plan."""

    RUNNING = 0
    END = 1
    PAST = 2


Stages = npt.NDArray[np.int8]


def stages_of(time: FloatArray, is_scheduled: npt.NDArray[np.bool_]) -> Stages:
    """Return the stage of each look.

    Args:
        time: Planned time at each look, not decreasing along the first axis, shape `(D, ...)`.
        is_scheduled: Whether the look belongs to the schedule, shape `(D,)`; another look, such
            as one in the middle of a day, cannot be the plan's end.

    Returns:
        `Stage` codes of the shape of `time`.

    >>> stages_of(np.array([0.5, 1.1, 1.2, 1.9]), np.array([True, False, True, True])).tolist()
    [0, 0, 1, 2]
    """
    scheduled = is_scheduled.reshape(-1, *(1,) * (time.ndim - 1))
    reached = np.cumsum((time >= 1) & scheduled, axis=0)
    before = np.concatenate([np.zeros_like(reached[:1]), reached[:-1]])
    stages = np.where(before > 0, Stage.PAST, np.where(reached > 0, Stage.END, Stage.RUNNING))
    return stages.astype(np.int8)


def plan_p_value(
    z: FloatArray,
    time: FloatArray,
    *,
    alpha: float,
    stage: Stages | int = Stage.RUNNING,
    reserve: float = 0.0,
) -> FloatArray:
    """Return the p-value of one look: the smallest error rate at which it rejects.

    The smallest of all looks is a p-value too; it never rises.

    Args:
        z: Effect over its standard error, either sign.
        time: Part of the plan that is done, > 0.
        alpha: Error rate of the plan, which tunes the mixture after it.
        stage: Place of the look in the plan; a running look after t = 1 is read as one past it.
        reserve: Share in [0, 1) of the line's part that is left to another test.

    Returns:
        P-values in [0, 1] of the broadcast shape.

    >>> round(float(plan_p_value(np.array(2.0), np.array(1.0), alpha=0.05)), 3)
    0.185
    >>> round(float(plan_p_value(np.array(2.1), np.array(1.0), alpha=0.05, stage=Stage.END)), 3)
    0.048
    """
    check_alpha(alpha)
    z, time, stage = np.broadcast_arrays(np.abs(z), np.asarray(time, dtype=np.float64), stage)
    is_end = stage == Stage.END
    is_late = (stage == Stage.PAST) | ((time > 1) & ~is_end)
    with np.errstate(all="ignore"):
        level = z * np.sqrt(time)
        line = _line_p_value(level - SLOPE * time, reserve=reserve)
        result = np.where(is_late, _late_p_value(z, time, alpha=alpha), line)
    if np.any(is_end):
        at_end = _end_p_value(level[is_end], time[is_end], reserve=reserve)
        result[is_end] = at_end
    return np.where(np.isnan(z), np.nan, np.minimum(result, 1))


def plan_multiplier(
    time: FloatArray,
    *,
    level: Values,
    alpha: float,
    stage: Stages | int = Stage.RUNNING,
    reserve: float = 0.0,
) -> FloatArray:
    """Return the half-width of the boundary in standard errors.

    Args:
        time: Part of the plan that is done, > 0.
        level: Error rate of the interval, in (0, 1); broadcasts against time.
        alpha: Error rate of the plan.
        stage: As in `plan_p_value`.
        reserve: As in `plan_p_value`.

    Returns:
        Multipliers; |z| reaches one exactly when the p-value is at most `level`.

    >>> round(float(plan_multiplier(np.array(1.0), level=0.05, alpha=0.05)), 3)
    2.489
    >>> round(float(plan_multiplier(np.array(1.0), level=0.05, alpha=0.05, stage=1)), 3)
    2.086
    """
    check_alpha(level)
    time, level, stage = np.broadcast_arrays(
        np.asarray(time, dtype=np.float64), np.asarray(level, dtype=np.float64), stage
    )
    start = _line_start(level, reserve=reserve)
    is_end = stage == Stage.END
    is_late = (stage == Stage.PAST) | ((time > 1) & ~is_end)
    with np.errstate(all="ignore"):
        line = (start + SLOPE * time) / np.sqrt(time)
        late = mixture_multiplier(time / AFTER_TIME, level=AFTER * level, alpha=AFTER * alpha)
        result = np.where(is_late, late, line)
        if np.any(is_end):
            edge = _end_edge(start[is_end], level[is_end], time[is_end])
            result[is_end] = edge / np.sqrt(time[is_end])
    return result


def _line_p_value(start: FloatArray, *, reserve: float) -> FloatArray:
    """Return the alpha whose line begins at the start; 1 at a line that begins below 0."""
    spent = _spent_on_line(np.maximum(start, 0)) / (IN_PLAN * (1 - reserve))
    return np.where(start > 0, spent, 1.0)


def _line_start(level: FloatArray, *, reserve: float) -> FloatArray:
    """Return where the line of an error rate begins."""
    return _solve(_spent_on_line, level * IN_PLAN * (1 - reserve))


def _spent_on_line(start: FloatArray) -> FloatArray:
    """Return the bound of P(|B| reaches the line by t = 1): both sides added."""
    above = special.log_ndtr(-(start + SLOPE))
    reflected = special.log_ndtr(SLOPE - start) - 2 * SLOPE * start
    return np.asarray(2 * np.exp(np.logaddexp(above, reflected)))


def _spent_at_end(edge: FloatArray, start: FloatArray, time: FloatArray) -> FloatArray:
    """Return 2 P(line not reached by t = 1, B(time) >= edge), by the reflection of B at the line.

    It is 2 P(B(time) >= edge) less at most what the line took.
    """
    free = _below_then_above(start + SLOPE, edge, time)
    reflected = _below_then_above(SLOPE - start, edge - 2 * start, time)
    spent = 2 * (free - np.exp(-2 * SLOPE * start) * reflected)
    most = 2 * special.ndtr(-edge / np.sqrt(time))
    return np.asarray(np.clip(spent, most - _spent_on_line(start), most))


def _below_then_above(first: FloatArray, last: FloatArray, time: FloatArray) -> FloatArray:
    """Return P(B(1) <= first, B(time) >= last) for a time of at least 1.

    Source: Owen (1956), "Tables for computing bivariate normal probabilities", Ann. Math. Stat.
    27. Tails are added, not complements of them.
    """
    # Owen's function has limits at 0, which no division finds.
    h, k = (np.where(end == 0, _TINY, end) for end in (first, last / np.sqrt(time)))
    with np.errstate(all="ignore"):
        correlation, rest = np.sqrt(1 / time), np.sqrt(1 - 1 / time)
        owen = special.owens_t(h, (k / h - correlation) / rest)
        owen += special.owens_t(k, (h / k - correlation) / rest)
    both = np.where(h > 0, special.ndtr(-k) - special.ndtr(-h), special.ndtr(h) - special.ndtr(k))
    other = special.ndtr(h) + special.ndtr(-k)
    later = np.where(h * k > 0, both, other) / 2 + owen
    return np.maximum(np.where(time > 1, later, both), 0)


def _end_edge(start: FloatArray, level: FloatArray, time: FloatArray) -> FloatArray:
    """Return the level of |B| at which the end rejects."""
    # The looks of many experiments at one plan have few distinct times.
    shape = start.shape
    cases, inverse = np.unique(np.stack([start, level, time]), axis=1, return_inverse=True)
    start, level, time = cases
    # P(B(t) >= edge) is at least half of the end's part, at most that of the line in addition.
    low, high = (
        -np.sqrt(time) * special.ndtri(part * level / 2) for part in (AT_END + IN_PLAN, AT_END)
    )
    found = _rising_root(
        lambda edge, start, level, time: AT_END * level - _spent_at_end(edge, start, time),
        low,
        high,
        (start, level, time),
    )
    return found[inverse.reshape(shape)]


def _end_p_value(edge: FloatArray, time: FloatArray, *, reserve: float) -> FloatArray:
    """Return the alpha whose end has this level: found by where its line begins."""

    def overspent(start: FloatArray, edge: FloatArray, time: FloatArray) -> FloatArray:
        allowed = AT_END * _line_p_value(start, reserve=reserve)
        return _spent_at_end(edge, start, time) - allowed

    low, high = np.zeros_like(edge), np.full_like(edge, _LARGEST_START)
    start = _rising_root(overspent, low, high, (edge, time))
    return np.minimum(_line_p_value(start, reserve=reserve), 1)


def _rising_root(
    function: Callable[..., FloatArray],
    low: FloatArray,
    high: FloatArray,
    args: tuple[FloatArray, ...],
) -> FloatArray:
    """Return where a rising function crosses 0 between two ends; an end if it does not.

    Source: Chandrupatla (1997), "A new hybrid quadratic/bisection algorithm for finding the zero
    of a nonlinear function without using derivatives", Adv. Eng. Software 28, as scipy has it.
    """
    from scipy.optimize.elementwise import find_root  # noqa: PLC0415 - it takes long to load

    found = find_root(function, (low, high), args=args)
    end = np.where(found.f_bracket[0] > 0, low, high)
    return np.where(found.success, found.x, end)


def _late_p_value(z: FloatArray, time: FloatArray, *, alpha: float) -> FloatArray:
    return mixture_p_value(z, time / AFTER_TIME, alpha=AFTER * alpha) / AFTER


def _solve(function: Callable[[FloatArray], FloatArray], target: FloatArray) -> FloatArray:
    """Return where a decreasing function of the start >= 0 falls to the target (or the end)."""
    # A corrected family of thousands of experiments has few distinct levels.
    targets, inverse = np.unique(target, return_inverse=True)
    low, high = np.zeros_like(targets), np.full_like(targets, _LARGEST_START)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        is_above = function(middle) > targets
        low, high = np.where(is_above, middle, low), np.where(is_above, high, middle)
    return high[inverse].reshape(np.shape(target))
