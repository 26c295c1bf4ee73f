"""HTTP answers for the expected failures of services, for all views of the management API.

A bare `ValueError` is not among them: it is a fault of ours, and answering 400 would hide it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from experiments.models import Experiment
from experiments.services.lifecycle.readiness import CannotStartError
from experiments.services.lifecycle.schedules import CannotScheduleError
from experiments.services.lifecycle.traffic_allocation import CannotChangeError
from experiments.services.operations.visitor_erasure import NotErasedError
from experiments.stats.engine.fields import InvalidRequest


class WrongStateError(APIException):
    """A transition that the present state of the experiment does not allow."""

    status_code = 409

    def __init__(self, experiment: Experiment) -> None:
        super().__init__(f"Not possible while the experiment is {experiment.status}.")


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer to a failed request; None, which re-raises it, for an unexpected one."""
    for kind, (status, body) in ANSWERS.items():
        if isinstance(error, kind):
            return Response(body(error), status=status)
    return exception_handler(error, context)


def _with_reasons(error: CannotStartError) -> dict[str, Any]:
    return {"detail": str(error), "reasons": error.reasons}


def _reasons(error: CannotChangeError) -> dict[str, Any]:
    return {"detail": error.reasons}


def _sentence(error: CannotScheduleError) -> dict[str, Any]:
    return {"detail": [str(error)]}


def _repeat(error: NotErasedError) -> dict[str, Any]:
    return {"detail": f"Not all is erased; repeat it. {error}"}


def _with_field(error: InvalidRequest) -> dict[str, Any]:
    return {"field": error.field, "detail": str(error)}


# Status and body of each kind.
ANSWERS: Mapping[type[Exception], tuple[int, Callable[[Any], dict[str, Any]]]] = {
    CannotStartError: (409, _with_reasons),
    CannotChangeError: (400, _reasons),
    CannotScheduleError: (400, _sentence),
    NotErasedError: (503, _repeat),
    InvalidRequest: (400, _with_field),
}
