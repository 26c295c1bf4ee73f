"""Whose key it is, and whether the page may ask with it."""

from experiments.api.public.http import EXPOSED, Request, Response, key_of
from experiments.services.serving import site_of_key
from experiments.services.snapshot import ServedSite, Snapshot


class RefusedError(Exception):
    """No valid key, or an origin that the site does not allow."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def site_of(request: Request, snapshot: Snapshot, *, query_key: str = "") -> ServedSite:
    """Return the site of the request's key; raise RefusedError without one."""
    key = key_of(request) or query_key
    site = site_of_key(snapshot, key) if key else None
    if site is None:
        raise RefusedError(401)
    origin = request.header("origin")
    if origin and site.allowed_origins and origin not in site.allowed_origins:
        raise RefusedError(403)
    return site


def with_cors(request: Request, response: Response) -> Response:
    """Let the page read the answer. Keys, not cookies, give access: any origin may see it."""
    if not request.header("origin"):
        return response
    return response.with_headers(("Access-Control-Allow-Origin", "*"), EXPOSED)
