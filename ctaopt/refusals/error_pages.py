"""Answers where no view has answered: problem details for programs, pages for people.

A program is a client that asks below /api/ or prefers JSON. It gets problem details (RFC 9457), as
from the management API; a silent database is 503, never 500.
"""

import sys

from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language_from_request
from django.utils.translation import gettext as _

from ctaopt.refusals.refusal_page import EXPIRED, REFUSALS, Refusal, refusal_page
from experiments.api.v1.contract.problems import problem_response
from experiments.redis_errors import redis_error

RETRY_AFTER_S = "5"


def is_program(request: HttpRequest) -> bool:
    """Return whether the answer goes to a program."""
    if request.path_info.startswith("/api/"):
        return True
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def refusal(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    """Return a refusal in the form that the client reads; people get words for the number."""
    if is_program(request):
        return problem_response(status, detail)
    return page(request, status)


def page(request: HttpRequest, status: int, *, words: Refusal | None = None) -> HttpResponse:
    """Return the page of a refusal in the reader's language."""
    # What runs before the language is chosen, or after the person's own was, says so.
    language = getattr(request, "LANGUAGE_CODE", "") or get_language_from_request(request)
    text = refusal_page(status, language, back=_back(request), refusal=words)
    return HttpResponse(text, status=status)


def _back(request: HttpRequest) -> str:
    """Return the address of the page that the reader comes from, if it is one of this service."""
    came_from = request.META.get("HTTP_REFERER", "")
    try:
        host, here = request.get_host(), request.build_absolute_uri()
    except DisallowedHost:
        return ""
    is_ours = url_has_allowed_host_and_scheme(came_from, {host}, require_https=request.is_secure())
    return came_from if is_ours and came_from != here else ""


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_program(request):
        return problem_response(400, "The request cannot be used.")
    return page(request, 413 if isinstance(exception, RequestDataTooBig) else 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_program(request):
        return problem_response(403, str(exception) or "You may not do this.")
    return page(request, 403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without the token of the session; Django logs the reason."""
    if is_program(request):
        return problem_response(403, reason or "The CSRF token is missing.")
    return page(request, 403, words=EXPIRED)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_program(request):
        return problem_response(404, "There is nothing at this address.")
    return page(request, 404)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    return refusal(request, 429, "Too many attempts.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 while database or Redis is silent, 500 for faults of ours. Django logs the reason.

    Nobody logs in while the attempts cannot be counted.
    """
    detail = _silence(sys.exc_info()[1])
    if detail:
        response = (
            problem_response(503, detail)
            if is_program(request)
            else page(request, 503, words=REFUSALS[503]._replace(advice=detail))
        )
        response.headers["Retry-After"] = RETRY_AFTER_S
        return response
    if is_program(request):
        return problem_response(500, "The service failed; its log says why.")
    return page(request, 500)


def _silence(error: BaseException | None) -> str:
    """Return a sentence about what does not answer; "" for any other error."""
    if isinstance(error, OperationalError | InterfaceError):
        return _("The database does not answer. Try again in a moment.")
    if isinstance(error, redis_error()):
        return _("Redis does not answer. Try again in a moment.")
    return ""
