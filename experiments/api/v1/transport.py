"""Transport of the management API: answers that no cache keeps, and no key in the clear."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from experiments.api.v1.contract.problems import problem_response
from experiments.api.v1.contract.versions import PREFIX

# Who asks is in one of these; the last decides the language of messages.
VARIES_BY = ("Authorization", "X-API-Key", "Cookie", "Accept-Language")


class ApiTransport:
    """Middleware in front of those that answer: it sees their redirects and errors, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        answer = _refusal(request) or self.get_response(request)
        answer.headers["Cache-Control"] = "private, no-store"
        patch_vary_headers(answer, VARIES_BY)
        return answer


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """Refuse a key that came in the clear: a redirect would have clients go on sending it so."""
    has_key = "Authorization" in request.headers or "X-API-Key" in request.headers
    if not (settings.SECURE_SSL_REDIRECT and has_key) or request.is_secure():
        return None
    return problem_response(403, "Send keys over HTTPS only, and replace this one.")
