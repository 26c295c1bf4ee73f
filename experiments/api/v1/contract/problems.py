"""Problem details (RFC 9457): the body of every refusal, by a view or by a layer before it."""

from http import HTTPStatus
from typing import Any

from django.http import JsonResponse

PROBLEM = "application/problem+json"


def problem(status: int, detail: str, **members: Any) -> dict[str, Any]:
    """Return the body of a refusal."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}


def problem_response(status: int, detail: str) -> JsonResponse:
    """Return a refusal where no view answers."""
    return JsonResponse(problem(status, detail), status=status, content_type=PROBLEM)
