"""Arms of an analyze request: names and sums, with errors that name the field."""

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal

from experiments.stats.engine.fields import (
    InvalidRequest,
    actual_value,
    is_number,
    refuse_unknown,
)
from experiments.stats.estimation.messages import InvalidFieldError, Message, MessageCode
from experiments.stats.estimation.sufficient_statistics import (
    Fault,
    Mean,
    Proportion,
    Ratio,
    SufficientStatistics,
    stack_arms,
)

Metric = Literal["proportion", "mean", "ratio"]
KINDS: dict[Metric, type[SufficientStatistics]] = {
    "proportion": Proportion,
    "mean": Mean,
    "ratio": Ratio,
}

# A hundred arms are read in about a second; more are a mistake.
MOST_ARMS = 100
# Above it floating-point numbers begin to lose single visitors in sums of squares.
MOST_VISITORS = 10**13
LONGEST_NAME = 200

# Faults of a plain rate's counts, which the calculator shows in the language of its page.
_COUNT_FAULTS: dict[tuple[str, str], MessageCode] = {
    ("n", Fault.NOT_WHOLE): MessageCode.N_NOT_WHOLE,
    ("sum", Fault.NOT_WHOLE): MessageCode.SUM_NOT_WHOLE,
    ("sum", Fault.NEGATIVE): MessageCode.SUM_NEGATIVE,
    ("sum", Fault.ABOVE_N): MessageCode.SUM_ABOVE_N,
}


def arms_of(values: Mapping[str, Any], *, prefix: str = "") -> list[Mapping[str, Any]]:
    """Return the objects of `arms`, 2 to 100 of them.

    Args:
        values: Object with the field `arms`.
        prefix: Path of that object, for errors.

    Raises:
        InvalidRequest: If it is missing or no such list.

    >>> len(arms_of({"arms": [{"name": "a"}, {"name": "b"}]}))
    2
    """
    arms, path = values.get("arms"), f"{prefix}arms"
    if not isinstance(arms, list | tuple):
        raise InvalidRequest(path, "must be a list of arms, the control first")
    if not 2 <= len(arms) <= MOST_ARMS:
        raise InvalidRequest(path, f"must be 2 to {MOST_ARMS} arms; there are {len(arms)}")
    for index, arm in enumerate(arms):
        if not isinstance(arm, Mapping):
            raise InvalidRequest(f"{path}[{index}]", "must be a JSON object")
    return list(arms)


def names_of(arms: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the names of the arms, all different.

    Raises:
        InvalidRequest: If a name is missing, too long or there twice.

    >>> names_of([{"name": "a"}, {"name": "b"}])
    ('a', 'b')
    """
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


def sums_of(
    arms: Sequence[Mapping[str, Any]], metric: Metric, *, prefix: str = ""
) -> SufficientStatistics:
    """Return the sums of the arms.

    Args:
        arms: Objects of the request.
        metric: Kind of metric.
        prefix: Path of the object with the arms, for errors.

    Returns:
        Statistics of shape `(K,)`.

    Raises:
        InvalidRequest: If a sum is missing, unknown or impossible.

    >>> sums_of([{"n": 10, "sum": 1}, {"n": 10, "sum": 2}], "proportion").sum.tolist()
    [1.0, 2.0]
    """
    statistics = [
        _statistics(arm, metric, index, prefix=f"{prefix}arms[{index}].")
        for index, arm in enumerate(arms)
    ]
    for name in ("covariate_sum", "covariate_denominator_product_sum"):
        is_given = [getattr(arm, name, None) is not None for arm in statistics]
        if any(is_given) and not all(is_given):
            path = f"{prefix}arms[{is_given.index(False)}].{name}"
            raise InvalidRequest(path, "is missing; other arms have it")
    return stack_arms(statistics)


def _statistics(
    arm: Mapping[str, Any], metric: Metric, index: int, *, prefix: str
) -> SufficientStatistics:
    kind = KINDS[metric]
    field_names = [field.name for field in fields(kind)]
    refuse_unknown(arm, ["name", *field_names], prefix=prefix)
    values = {name: arm[name] for name in field_names if name in arm}
    for field in fields(kind):
        if field.name not in values and field.default is not None:
            raise InvalidRequest(f"{prefix}{field.name}", "is missing")
    for name, value in values.items():
        if not is_number(value):
            raise InvalidRequest(f"{prefix}{name}", f"must be a number; {actual_value(arm, name)}")
    _check_visitors(arm, index, prefix=prefix)
    try:
        return kind(**values)
    except InvalidFieldError as error:
        code = _COUNT_FAULTS.get((error.field, error.fault))
        text = _sentence(code, prefix, arm=index, given=error.given) if code else None
        raise InvalidRequest(f"{prefix}{error.field}", error.complaint, text=text) from error


def _check_visitors(arm: Mapping[str, Any], index: int, *, prefix: str) -> None:
    if 0 <= arm["n"] <= MOST_VISITORS:
        return
    low, high, value = "0", f"{MOST_VISITORS:g}", reprlib.repr(arm["n"])
    numbers = {"arm": index, "low": low, "high": high, "given": value}
    text = _sentence(MessageCode.N_OUT_OF_RANGE, prefix, **numbers)
    message = f"must lie between {low} and {high}; not {value}"
    raise InvalidRequest(f"{prefix}n", message, text=text)


def _sentence(code: MessageCode, prefix: str, **numbers: Any) -> Message | None:
    """Return a sentence that can be translated; it names an arm, and no look."""
    return Message(code, **numbers) if prefix.startswith("arms") else None
