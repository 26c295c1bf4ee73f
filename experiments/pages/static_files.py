"""Static files: a forgotten collectstatic is one sentence, not a traceback on every page."""

import logging
from collections.abc import Callable
from typing import Any

from django.contrib.staticfiles.apps import StaticFilesConfig
from django.http import HttpRequest, HttpResponse
from whitenoise.storage import CompressedManifestStaticFilesStorage

logger = logging.getLogger(__name__)

SENTENCE = (
    "The static files are not collected, or are those of another version: run "
    "`manage.py collectstatic --noinput`, then restart the web processes."
)


class StaticFiles(StaticFilesConfig):
    """Django's app, without the files of other packages that no page names."""

    ignore_patterns = (*StaticFilesConfig.ignore_patterns, "redoc")


class NotCollectedError(ValueError):
    """A page names a static file that the last collectstatic did not bring."""


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise's
    """whitenoise's storage, with an error that names the remedy."""

    def stored_name(self, name: str) -> str:
        try:
            stored: str = super().stored_name(name)
        except ValueError as error:
            raise NotCollectedError(f"{name}: {SENTENCE}") from error
        return stored


class StaticFilesMiddleware:
    """Answers such a page with 503 and the sentence, for the operator who looks at it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, _: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, NotCollectedError):
            return None
        logger.error("%s", exception)
        headers: dict[str, Any] = {"Content-Type": "text/plain; charset=utf-8"}
        return HttpResponse(f"{SENTENCE}\n", status=503, headers=headers)
