"""GET /cta.js: the browser snippet, as built in sdk/dist."""

from functools import cache
from pathlib import Path

from django.conf import settings

from experiments.api.public.http import Request, Response, etag_of, has_etag
from experiments.services.snapshot import SnapshotStore

PATH = "/cta.js"
SCRIPT_HEADERS = (
    ("Content-Type", "text/javascript; charset=utf-8"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
)


def snippet(request: Request, _: SnapshotStore) -> Response:
    """Return the script; a page may pin it with `integrity`, which needs the edge's CORS."""
    body, etag = _built(Path(settings.BASE_DIR, "sdk", "dist", "cta.js"))
    caching = (
        ("ETag", etag),
        ("Cache-Control", "public, max-age=300, stale-while-revalidate=86400"),
    )
    if has_etag(request, etag):
        return Response(status=304, headers=caching)
    return Response(status=200, body=body, headers=(*SCRIPT_HEADERS, *caching))


@cache
def _built(path: Path) -> tuple[bytes, str]:
    body = path.read_bytes()
    return body, etag_of(body)
