"""Analyze request: parsing and validation of its JSON, with errors that name the field."""

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from experiments.stats.bayesian.priors import NormalPrior
from experiments.stats.estimation.messages import (
    InvalidFieldError,
    InvalidInputError,
    Message,
    MessageCode,
)
from experiments.stats.estimation.multiplicity import CORRECTIONS, Correction
from experiments.stats.estimation.sufficient_statistics import (
    Fault,
    Mean,
    Proportion,
    Ratio,
    SufficientStatistics,
    stack_arms,
)
from experiments.stats.health.sample_ratio import check_shares

Metric = Literal["proportion", "mean", "ratio"]
Method = Literal["fixed", "sequential", "bayesian", "exact"]
METHODS: tuple[Method, ...] = get_args(Method)
KINDS: dict[Metric, type[SufficientStatistics]] = {
    "proportion": Proportion,
    "mean": Mean,
    "ratio": Ratio,
}

# A hundred arms are read in about a second; more are a mistake.
MOST_ARMS = 100
# Above it floating-point numbers begin to lose single visitors in sums of squares.
MOST_VISITORS = 10**13
# Beyond it an interval depends on a model's tail, which no number of visitors supports.
LEAST_ALPHA = 1e-4
# The lift's prior; far beyond both ends nothing on a website lies.
LARGEST_LIFT = 1e6
LONGEST_NAME = 200

_FIELDS = (
    "metric",
    "method",
    "alpha",
    "correction",
    "relative",
    "shares",
    "arms",
    "planned_n",
    "prior",
)


# Faults of a plain rate's counts, which the calculator shows in the language of its page.
_COUNT_FAULTS: dict[tuple[str, str], MessageCode] = {
    ("n", Fault.NOT_WHOLE): MessageCode.N_NOT_WHOLE,
    ("sum", Fault.NOT_WHOLE): MessageCode.SUM_NOT_WHOLE,
    ("sum", Fault.NEGATIVE): MessageCode.SUM_NEGATIVE,
    ("sum", Fault.ABOVE_N): MessageCode.SUM_ABOVE_N,
}


class InvalidRequest(InvalidInputError):  # noqa: N818 - the name that callers show
    """A request that cannot be analysed.

    Attributes:
        field: Path of the field at fault, such as `arms[1].sum`.
        message: Description of the fault.
        text: Both.

    >>> str(InvalidRequest("alpha", "must lie between 0 and 1"))
    'alpha: must lie between 0 and 1'
    """

    def __init__(self, field: str, message: str, *, text: Message | None = None) -> None:
        super().__init__(text or f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisRequest:
    """A checked request.

    Args:
        metric: Kind of metric.
        method: Method of comparison.
        alpha: Error rate of the family.
        correction: Multiplicity correction of p-values and intervals over the arms.
        relative: True for intervals (and losses) on the lift, False for the effect.
        shares: Configured shares, one for each arm, that sum to 1.
        planned_n: Visitors of the whole experiment that a sequential test plans; None without
            a plan.
        prior: On the lift; None is flat.
        names: Names of the arms, control first.
        statistics: Arms on the last axis, shape `(K,)`.
    """

    metric: Metric
    method: Method
    alpha: float
    correction: Correction
    relative: bool
    shares: tuple[float, ...]
    planned_n: float | None
    prior: NormalPrior | None
    names: tuple[str, ...]
    statistics: SufficientStatistics


def parse_request(request: Mapping[str, Any]) -> AnalysisRequest:
    """Check a request as decoded from JSON.

    Strict about types: neither a boolean nor a number in quotes is a number, and an unknown field
    is an error, as it may be a misspelt one.

    Args:
        request: The request of docs/statistics.md.

    Returns:
        The request with its defaults filled in: method `sequential`, correction `holm`, alpha
        0.05, relative, equal shares, 5,000 planned visitors, flat prior.

    Raises:
        InvalidRequest: If anything is missing, unknown or out of range; it names the field.

    >>> arms = [{"name": "a", "n": 10, "sum": 1}, {"name": "b", "n": 10, "sum": 11}]
    >>> parse_request({"metric": "proportion", "arms": arms})
    Traceback (most recent call last):
        ...
    experiments.stats.engine.request.InvalidRequest: arms[1].sum: must be at most n: 11
    """
    if not isinstance(request, Mapping):
        raise InvalidRequest("request", f"must be a JSON object, not {type(request).__name__}")
    _refuse_unknown(request, _FIELDS, prefix="")
    metric: Metric = _choice(request, "metric", tuple(KINDS))
    arms = _arms(request)
    names = _names(arms)
    statistics = [_statistics(arm, metric, index) for index, arm in enumerate(arms)]
    return AnalysisRequest(
        metric=metric,
        method=_method(request, metric),
        alpha=_number(request, "alpha", default=0.05, low=LEAST_ALPHA, high=1 - LEAST_ALPHA),
        correction=_choice(request, "correction", CORRECTIONS, default="holm"),
        relative=_flag(request, "relative", default=True),
        shares=_shares(request, len(arms)),
        planned_n=(
            _number(request, "planned_n", low=1, high=MOST_VISITORS)
            if "planned_n" in request
            else None
        ),
        prior=_prior(request),
        names=names,
        statistics=_stacked(statistics),
    )


def _refuse_unknown(values: Mapping[str, Any], names: Sequence[str], *, prefix: str) -> None:
    for name in values:
        if name not in names:
            raise InvalidRequest(f"{prefix}{name}", f"is unknown; known are {', '.join(names)}")


def _choice(
    request: Mapping[str, Any], name: str, choices: Sequence[Any], *, default: Any = None
) -> Any:
    value = request.get(name, default)
    if not isinstance(value, str) or value not in choices:
        message = f"must be one of {', '.join(choices)}; {_actual_value(request, name)}"
        raise InvalidRequest(name, message)
    return value


def _method(request: Mapping[str, Any], metric: Metric) -> Method:
    method: Method = _choice(request, "method", METHODS, default="sequential")
    if method == "exact" and metric != "proportion":
        raise InvalidRequest("method", f"exact is for metric proportion, not {metric}")
    return method


def _number(
    values: Mapping[str, Any],
    name: str,
    *,
    default: float | None = None,
    low: float,
    high: float,
    prefix: str = "",
) -> float:
    value = values.get(name, default)
    if not _is_number(value):
        raise InvalidRequest(f"{prefix}{name}", f"must be a number; {_actual_value(values, name)}")
    # NaN fails both comparisons.
    if not low <= value <= high:
        message = f"must lie between {low:g} and {high:g}; {_actual_value(values, name)}"
        raise InvalidRequest(f"{prefix}{name}", message)
    return float(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _actual_value(values: Mapping[str, Any], name: str) -> str:
    """Return the value for a message, in few characters however long it is."""
    return f"not {reprlib.repr(values[name])}" if name in values else "it is missing"


def _flag(request: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = request.get(name, default)
    if not isinstance(value, bool):
        raise InvalidRequest(name, f"must be true or false; {_actual_value(request, name)}")
    return value


def _arms(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    arms = request.get("arms")
    if not isinstance(arms, list | tuple):
        raise InvalidRequest("arms", "must be a list of arms, the control first")
    if not 2 <= len(arms) <= MOST_ARMS:
        raise InvalidRequest("arms", f"must be 2 to {MOST_ARMS} arms; there are {len(arms)}")
    for index, arm in enumerate(arms):
        if not isinstance(arm, Mapping):
            raise InvalidRequest(f"arms[{index}]", "must be a JSON object")
    return list(arms)


def _names(arms: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    names: list[str] = []
    for index, arm in enumerate(arms):
        name = arm.get("name")
        if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME:
            text = Message(MessageCode.NAME_LENGTH, arm=index, most=LONGEST_NAME)
            message = f"must be 1 to {LONGEST_NAME} characters"
            raise InvalidRequest(f"arms[{index}].name", message, text=text)
        if name in names:
            text = Message(MessageCode.NAME_REPEATED, arm=index, given=repr(name))
            message = f"must differ from the others: {name!r}"
            raise InvalidRequest(f"arms[{index}].name", message, text=text)
        names.append(name)
    return tuple(names)


def _statistics(arm: Mapping[str, Any], metric: Metric, index: int) -> SufficientStatistics:
    kind, prefix = KINDS[metric], f"arms[{index}]."
    field_names = [field.name for field in fields(kind)]
    _refuse_unknown(arm, ["name", *field_names], prefix=prefix)
    values = {name: arm[name] for name in field_names if name in arm}
    for field in fields(kind):
        if field.name not in values and field.default is not None:
            raise InvalidRequest(f"{prefix}{field.name}", "is missing")
    for name, value in values.items():
        if not _is_number(value):
            raise InvalidRequest(f"{prefix}{name}", f"must be a number; {_actual_value(arm, name)}")
    _check_visitors(arm, index)
    try:
        return kind(**values)
    except InvalidFieldError as error:
        code = _COUNT_FAULTS.get((error.field, error.fault))
        text = Message(code, arm=index, given=error.given) if code else None
        raise InvalidRequest(f"{prefix}{error.field}", error.complaint, text=text) from error


def _check_visitors(arm: Mapping[str, Any], index: int) -> None:
    if 0 <= arm["n"] <= MOST_VISITORS:
        return
    low, high, value = "0", f"{MOST_VISITORS:g}", reprlib.repr(arm["n"])
    text = Message(MessageCode.N_OUT_OF_RANGE, arm=index, low=low, high=high, given=value)
    message = f"must lie between {low} and {high}; not {value}"
    raise InvalidRequest(f"arms[{index}].n", message, text=text)


def _stacked(statistics: list[SufficientStatistics]) -> SufficientStatistics:
    for name in ("covariate_sum", "covariate_denominator_product_sum"):
        is_given = [getattr(arm, name, None) is not None for arm in statistics]
        if any(is_given) and not all(is_given):
            index = is_given.index(False)
            raise InvalidRequest(f"arms[{index}].{name}", "is missing; other arms have it")
    return stack_arms(statistics)


def _shares(request: Mapping[str, Any], n_arms: int) -> tuple[float, ...]:
    if "shares" not in request:
        return (1 / n_arms,) * n_arms
    shares = request["shares"]
    if not isinstance(shares, list | tuple):
        raise InvalidRequest("shares", "must be a list of numbers")
    for index, share in enumerate(shares):
        if not _is_number(share) or not 0 <= share <= 1:
            raise InvalidRequest(f"shares[{index}]", "must be a number between 0 and 1")
    try:
        return tuple(check_shares(shares, n_arms).tolist())
    except InvalidFieldError as error:
        raise InvalidRequest(error.field, error.complaint) from error


def _prior(request: Mapping[str, Any]) -> NormalPrior | None:
    prior = request.get("prior")
    if prior is None:
        return None
    if not isinstance(prior, Mapping):
        raise InvalidRequest("prior", "must be an object with mean and sd of the lift")
    _refuse_unknown(prior, ("mean", "sd"), prefix="prior.")
    limits = {"low": -LARGEST_LIFT, "high": LARGEST_LIFT}
    mean = _number(prior, "mean", **limits, prefix="prior.")
    sd = _number(prior, "sd", low=1 / LARGEST_LIFT, high=LARGEST_LIFT, prefix="prior.")
    return NormalPrior(mean=mean, sd=sd)
