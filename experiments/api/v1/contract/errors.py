"""Problem details (RFC 9457) for every refusal of the management API: one shape for all of them.

A bare `ValueError` is not among the expected failures: it is a fault of ours, and answering 400
would hide it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from experiments.api.v1.contract.problems import PROBLEM, problem
from experiments.models import Experiment
from experiments.services.catalogue.editing import (
    AlreadyThereError,
    CannotSaveError,
    LockedError,
)
from experiments.services.lifecycle.approvals import CannotApproveError
from experiments.services.lifecycle.decisions import (
    CannotDecideError,
    CannotUndoError,
    SlotChangedError,
)
from experiments.services.lifecycle.readiness import CannotStartError
from experiments.services.lifecycle.schedules import CannotScheduleError
from experiments.services.lifecycle.traffic_allocation import CannotChangeError
from experiments.services.operations.visitor_erasure import NotErasedError
from experiments.services.operations.visitor_export import NotExportedError
from experiments.stats.engine.fields import InvalidRequest


class WrongStateError(APIException):
    """A transition that the present state of the experiment does not allow."""

    status_code = 409

    def __init__(self, experiment: Experiment) -> None:
        super().__init__(f"Not possible while the experiment is {experiment.status}.")


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer to a failed request; None, which re-raises it, for an unexpected one."""
    for kind, (status, members) in ANSWERS.items():
        if isinstance(error, kind):
            body = problem(status, **{"detail": str(error), **members(error)})
            return Response(body, status=status, content_type=PROBLEM)
    response = exception_handler(error, context)
    if response is None:
        return None
    response.data = problem(response.status_code, **_members(response.data))
    response.content_type = PROBLEM
    return response


def _members(data: Any) -> dict[str, Any]:
    """Return the detail and further members from the body that the framework has made."""
    if isinstance(data, Mapping) and set(data) == {"detail"} and isinstance(data["detail"], str):
        return {"detail": str(data["detail"])}
    errors: dict[str, list[str]] = {}
    for place, sentence in _flat(data, ""):
        errors.setdefault(place, []).append(sentence)
    first = next(iter(errors))
    detail = f"{first}: {errors[first][0]}" if first else errors[first][0]
    return {"detail": detail, "errors": errors, **({"field": first} if first else {})}


def _flat(data: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yield each sentence with the path of its field."""
    if isinstance(data, Mapping):
        for name, inner in data.items():
            is_of_all = name == "non_field_errors"
            yield from _flat(inner, place if is_of_all else f"{place}.{name}".strip("."))
    elif isinstance(data, list):
        for number, inner in enumerate(data):
            yield from _flat(inner, place if isinstance(inner, str) else f"{place}.{number}")
    else:
        yield place, str(data)


def _reasons(
    error: CannotStartError | CannotChangeError | CannotDecideError | CannotApproveError,
) -> dict[str, Any]:
    return {"reasons": [str(reason) for reason in error.reasons]}


def _field(error: InvalidRequest) -> dict[str, Any]:
    return {"field": error.field}


def _errors(error: CannotSaveError) -> dict[str, Any]:
    return _members({name: [str(one) for one in said] for name, said in error.errors.items()})


def _existing(error: AlreadyThereError) -> dict[str, Any]:
    return {} if error.row is None else {"existing": error.row}


def _nothing(_: Exception) -> dict[str, Any]:
    return {}


# Status and further members of each kind.
ANSWERS: Mapping[type[Exception], tuple[int, Callable[[Any], dict[str, Any]]]] = {
    CannotStartError: (409, _reasons),
    CannotChangeError: (400, _reasons),
    # The first that fits is taken: the special one stands before the general one.
    SlotChangedError: (409, _reasons),
    CannotDecideError: (400, _reasons),
    CannotUndoError: (409, _nothing),
    CannotApproveError: (409, _reasons),
    CannotScheduleError: (400, _field),
    CannotSaveError: (400, _errors),
    AlreadyThereError: (409, _existing),
    LockedError: (409, _nothing),
    # It says to repeat the erasure.
    NotErasedError: (503, _nothing),
    NotExportedError: (503, _nothing),
    InvalidRequest: (400, _field),
}
