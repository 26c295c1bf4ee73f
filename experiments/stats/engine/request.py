"""Analyze request: parsing and validation of its JSON, with errors that name the field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from experiments.stats.bayesian.priors import NormalPrior
from experiments.stats.engine.arms import (
    KINDS,
    MOST_VISITORS,
    Metric,
    arms_of,
    names_of,
    sums_of,
)
from experiments.stats.engine.earlier_looks import looks_of
from experiments.stats.engine.fields import (
    InvalidRequest,
    actual_value,
    is_number,
    number_of,
    refuse_unknown,
)
from experiments.stats.estimation.messages import InvalidFieldError
from experiments.stats.estimation.multiplicity import CORRECTIONS, Correction
from experiments.stats.estimation.sufficient_statistics import SufficientStatistics
from experiments.stats.frequentist.exact_tests import MOST_FOR_BOSCHLOO
from experiments.stats.health.sample_ratio import check_shares

Method = Literal["fixed", "sequential", "bayesian", "exact"]
METHODS: tuple[Method, ...] = get_args(Method)

# Boschloo's test takes about 0.1 s for 1,000 visitors: 1 s for a request.
MOST_BOSCHLOO_VISITORS = 10_000
# Beyond it an interval depends on a model's tail, which no number of visitors supports.
LEAST_ALPHA = 1e-4
# The lift's prior; far beyond both ends nothing on a website lies.
LARGEST_LIFT = 1e6

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
    "looks",
)


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
        looks: Sums at each look, the last of them `statistics`, shape `(D, K)`; None where the
            request has no field `looks`.
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
    looks: SufficientStatistics | None = None


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
    experiments.stats.engine.fields.InvalidRequest: arms[1].sum: must be at most n: 11
    """
    if not isinstance(request, Mapping):
        raise InvalidRequest("request", f"must be a JSON object, not {type(request).__name__}")
    refuse_unknown(request, _FIELDS)
    metric: Metric = _choice(request, "metric", tuple(KINDS))
    arms = arms_of(request)
    names, statistics = names_of(arms), sums_of(arms, metric)
    method = _method(request, metric)
    _check_exact_cost(method, statistics)
    return AnalysisRequest(
        metric=metric,
        method=method,
        alpha=number_of(request, "alpha", default=0.05, low=LEAST_ALPHA, high=1 - LEAST_ALPHA),
        correction=_choice(request, "correction", CORRECTIONS, default="holm"),
        relative=_flag(request, "relative", default=True),
        shares=_shares(request, len(arms)),
        planned_n=(
            number_of(request, "planned_n", low=1, high=MOST_VISITORS)
            if "planned_n" in request
            else None
        ),
        prior=_prior(request),
        names=names,
        statistics=statistics,
        looks=(
            looks_of(request["looks"], metric, names, statistics) if "looks" in request else None
        ),
    )


def _choice(
    request: Mapping[str, Any], name: str, choices: Sequence[Any], *, default: Any = None
) -> Any:
    value = request.get(name, default)
    if not isinstance(value, str) or value not in choices:
        message = f"must be one of {', '.join(choices)}; {actual_value(request, name)}"
        raise InvalidRequest(name, message)
    return value


def _method(request: Mapping[str, Any], metric: Metric) -> Method:
    method: Method = _choice(request, "method", METHODS, default="sequential")
    if method == "exact" and metric != "proportion":
        raise InvalidRequest("method", f"exact is for metric proportion, not {metric}")
    if "looks" in request and method != "sequential":
        raise InvalidRequest("looks", f"are for method sequential, not {method}")
    return method


def _check_exact_cost(method: Method, statistics: SufficientStatistics) -> None:
    if method != "exact":
        return
    control, *arms = np.asarray(statistics.n).tolist()
    together = sum(control + n for n in arms if max(control, n) <= MOST_FOR_BOSCHLOO)
    if together > MOST_BOSCHLOO_VISITORS:
        message = (
            f"have {together:,.0f} visitors in comparisons by Boschloo's exact test (up to"
            f" {MOST_FOR_BOSCHLOO} visitors an arm, the control counted in each); it takes at most"
            f" {MOST_BOSCHLOO_VISITORS:,} in one request: send fewer arms, or ask for method fixed"
        )
        raise InvalidRequest("arms", message)


def _flag(request: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = request.get(name, default)
    if not isinstance(value, bool):
        raise InvalidRequest(name, f"must be true or false; {actual_value(request, name)}")
    return value


def _shares(request: Mapping[str, Any], n_arms: int) -> tuple[float, ...]:
    if "shares" not in request:
        return (1 / n_arms,) * n_arms
    shares = request["shares"]
    if not isinstance(shares, list | tuple):
        raise InvalidRequest("shares", "must be a list of numbers")
    for index, share in enumerate(shares):
        if not is_number(share) or not 0 <= share <= 1:
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
    refuse_unknown(prior, ("mean", "sd"), prefix="prior.")
    limits = {"low": -LARGEST_LIFT, "high": LARGEST_LIFT}
    mean = number_of(prior, "mean", **limits, prefix="prior.")
    sd = number_of(prior, "sd", low=1 / LARGEST_LIFT, high=LARGEST_LIFT, prefix="prior.")
    return NormalPrior(mean=mean, sd=sd)
