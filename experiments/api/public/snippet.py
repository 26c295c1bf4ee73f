"""GET /cta.js: the browser snippet, as built in sdk/dist."""

import hashlib
from functools import cache
from pathlib import Path

from django.conf import settings

from experiments.api.public.http import Request, Response
from experiments.services.snapshot import Snapshot

PATH = "/cta.js"


def snippet(request: Request, _: Snapshot) -> Response:
    body, etag = _built()
    headers = (
        ("Content-Type", "text/javascript; charset=utf-8"),
        ("ETag", etag),
        ("Cache-Control", "public, max-age=300, stale-while-revalidate=86400"),
        ("X-Content-Type-Options", "nosniff"),
        # A page may pin it with `integrity`, which asks for CORS on the file.
        ("Access-Control-Allow-Origin", "*"),
        ("Cross-Origin-Resource-Policy", "cross-origin"),
    )
    if request.header("if-none-match").removeprefix("W/") == etag:
        return Response(status=304, headers=headers)
    return Response(status=200, body=body, headers=headers)


@cache
def _built() -> tuple[bytes, str]:
    body = Path(settings.BASE_DIR, "sdk", "dist", "cta.js").read_bytes()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'
