"""Answers where no view has answered: problem details for programs, pages for people.

A program is a client that asks below /api/ or prefers JSON. It gets problem details (RFC 9457), as
from the management API; a silent database is 503, never 500.
"""

import sys
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views import defaults
from redis.exceptions import RedisError

from experiments.api.v1.contract.problems import problem_response

RETRY_AFTER_S = "5"


def is_program(request: HttpRequest) -> bool:
    """Return whether the answer goes to a program."""
    if request.path_info.startswith("/api/"):
        return True
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def refusal(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    """Return a refusal in the form that the client reads."""
    if is_program(request):
        return problem_response(status, detail)
    return HttpResponse(detail, status=status, content_type="text/plain; charset=utf-8")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_program(request):
        return problem_response(400, "The request cannot be used.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_program(request):
        return problem_response(403, str(exception) or "You may not do this.")
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_program(request):
        return problem_response(404, "There is nothing at this address.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Answer 503 while database or Redis is silent, 500 for faults of ours. Django logs the reason.

    Nobody logs in while the attempts cannot be counted.
    """
    detail = _silence(sys.exc_info()[1])
    if detail:
        response = refusal(request, 503, detail)
        response.headers["Retry-After"] = RETRY_AFTER_S
        return response
    if is_program(request):
        return problem_response(500, "The service failed; its log says why.")
    return defaults.server_error(request, *args, **kwargs)


def _silence(error: BaseException | None) -> str:
    """Return a sentence about what does not answer; "" for any other error."""
    if isinstance(error, OperationalError | InterfaceError):
        return _("The database does not answer. Try again in a moment.")
    if isinstance(error, RedisError):
        return _("Redis does not answer. Try again in a moment.")
    return ""
