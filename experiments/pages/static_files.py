"""Static files: a forgotten collectstatic is one sentence, not a traceback on every page."""

import gzip
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import brotli
from django.contrib.staticfiles.apps import StaticFilesConfig
from django.http import HttpRequest, HttpResponse
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

logger = logging.getLogger(__name__)

SENTENCE = (
    "The static files are not collected, or are those of another version: run "
    "`manage.py collectstatic --noinput`, then restart the web processes."
)


class StaticFiles(StaticFilesConfig):
    """Django's app, without the files of other packages that no page names."""

    ignore_patterns = (*StaticFilesConfig.ignore_patterns, "redoc", "rest_framework")


class NotCollectedError(ValueError):
    """A page names a static file that the last collectstatic did not bring."""


class LastingCompressor(Compressor):  # type: ignore[misc]  # whitenoise's
    """whitenoise's compressor, which leaves compressed files alone that still hold their file.

    Compressing takes half a minute of a core; a start that changes nothing should not wait for it.
    """

    def compress(self, path: str) -> list[str]:
        content = Path(path).read_bytes()
        kept = [
            path + suffix
            for suffix, decompress in ((".br", brotli.decompress), (".gz", gzip.decompress))
            if _holds(Path(path + suffix), content, decompress)
        ]
        if len(kept) == 2:
            return kept
        compressed: list[str] = super().compress(path)
        return compressed


def _holds(path: Path, content: bytes, decompress: Callable[[bytes], bytes]) -> bool:
    # It may be absent, or cut off by a stop.
    with suppress(OSError, EOFError, brotli.error):
        return decompress(path.read_bytes()) == content
    return False


class Storage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise's
    """whitenoise's storage, with an error that names the remedy."""

    def create_compressor(self, **options: Any) -> Compressor:
        return LastingCompressor(**options)

    def compress_files(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Compress those that pages name: by the hash of their content."""
        named = set(self.hashed_files.values())
        yield from super().compress_files(sorted(named.intersection(paths)))

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
