"""GET /cta.js, /cta-VERSION.js and /cta-more-VERSION.js: the browser snippet, as built in sdk/dist.

The last is its second file, which the first one loads.
"""

import re
from functools import cache
from pathlib import Path

from django.conf import settings

from experiments.api.public.access import CORS_HEADERS
from experiments.api.public.content_coding import SMALL, Representations
from experiments.api.public.http import TEXT, Request, Response, error_response
from experiments.services.serving.snapshot_store import SnapshotStore

PATH = "/cta.js"
RELEASE_PREFIX = "/cta-"
# A released file, and beside it the value that a page pins it with.
RELEASE = re.compile(r"/cta-(?:more-)?[0-9]+\.[0-9]+\.[0-9]+\.js(\.sri)?")
FRESH = ("Cache-Control", "public, max-age=300, stale-while-revalidate=86400")
FOR_EVER = ("Cache-Control", "public, max-age=31536000, immutable")
SCRIPT = ("Content-Type", "text/javascript; charset=utf-8")
SHARED = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
)


def snippet(request: Request, _: SnapshotStore) -> Response:
    """Return the newest script: it changes with the service, so a page cannot pin it for long."""
    return _file(request, FRESH)


def release(request: Request, _: SnapshotStore) -> Response:
    """Return a version that never changes; a page may pin it, which needs the edge's CORS."""
    if not RELEASE.fullmatch(request.path) or not _path(request).is_file():
        return error_response(404, f"no such version of the snippet: {request.path}")
    return _file(request, FOR_EVER)


def _file(request: Request, cache_control: tuple[str, str]) -> Response:
    return _built(_path(request), cache_control).answer(request)


def _path(request: Request) -> Path:
    return Path(settings.BASE_DIR, "sdk", "dist", request.path[1:])


@cache
def _built(path: Path, cache_control: tuple[str, str]) -> Representations:
    kind = TEXT if path.suffix == ".sri" else SCRIPT
    return Representations(
        path.read_bytes(),
        headers=(cache_control,),
        of_whole=(kind, *SHARED),
        last=CORS_HEADERS,
        effort=SMALL,
    )
