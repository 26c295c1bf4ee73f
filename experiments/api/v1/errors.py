"""Expected failures of services, as HTTP answers. The one place where they meet."""

from typing import Any

from rest_framework.response import Response
from rest_framework.views import exception_handler

from experiments.services.lifecycle.readiness import CannotStartError


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    if isinstance(error, CannotStartError):
        return Response({"detail": str(error), "reasons": error.reasons}, status=409)
    return exception_handler(error, context)
