"""Middleware against requests that only break things: NUL in a query, bodies without a length."""

from collections.abc import Callable
from io import BytesIO

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ctaopt.refusals.error_pages import refusal

GetResponse = Callable[[HttpRequest], HttpResponse]
BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def request_guard(get_response: GetResponse) -> GetResponse:
    """Refuse what one database stores and the other fails on, and read bodies without a length."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return _refused(request) or get_response(request)

    return middleware


def _refused(request: HttpRequest) -> HttpResponse | None:
    if "%00" in request.META.get("QUERY_STRING", ""):
        return refusal(request, 400, "The query has a NUL character.")
    length = request.META.get("CONTENT_LENGTH", "")
    if length and not (length.isascii() and length.isdigit()):
        return refusal(request, 400, "The Content-Length is not a number.")
    if request.method in BODILESS or length:
        return None
    return _read_whole(request)


def _read_whole(request: HttpRequest) -> HttpResponse | None:
    """Read a body that came in chunks: Django reads none without a length, and would see nothing.

    The body is refused with 411 if the server promises no end of the stream.
    """
    if not request.META.get("wsgi.input_terminated"):
        is_chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
        return refusal(request, 411, "The body needs a Content-Length.") if is_chunked else None
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    body = request.META["wsgi.input"].read(limit + 1)
    if len(body) > limit:
        return refusal(request, 413, f"The body is larger than {limit} bytes.")
    request.META["CONTENT_LENGTH"] = str(len(body))
    request._stream = BytesIO(body)
    return None
