"""Middleware for refusals without a body, such as Django's own 405: people get a page."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from ctaopt.refusals.error_pages import is_program, page
from ctaopt.refusals.refusal_page import REFUSALS

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def bare_answers(get_response: GetResponse) -> GetResponse:
    """Put the page of a refusal into an answer that has its number only."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if _is_bare(response) and not _is_script(request):
            shown = page(request, response.status_code)
            response.content = shown.content  # type: ignore[attr-defined]  # as _is_bare found
            response.headers["Content-Type"] = shown.headers["Content-Type"]
        return response

    return middleware


def _is_bare(response: HttpResponseBase) -> bool:
    return (
        response.status_code in REFUSALS
        and isinstance(response, HttpResponse)
        and not response.content
    )


def _is_script(request: HttpRequest) -> bool:
    """Return whether a program asks, or a script of a page for a part of it."""
    return is_program(request) or "HX-Request" in request.headers
