"""Whose key it is, and whether the page may ask with it."""

from experiments.api.public.http import RefusedError, Request, Response, key_of
from experiments.services.serving import site_of_key
from experiments.services.snapshot import ServedSite, Snapshot

# Keys, not cookies, give access: any page may read the answer. Without the second header a
# browser's client reads every ETag as null and never gets a 304.
CORS_HEADERS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "ETag, Retry-After"),
)
PREFLIGHT_HEADERS = (
    ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
    ("Access-Control-Allow-Headers", "content-type, if-none-match, authorization, x-api-key"),
    ("Access-Control-Max-Age", "86400"),
)


def site_of(request: Request, snapshot: Snapshot, *, client_key: str = "") -> ServedSite:
    """Return the site of the request's key; raise RefusedError without a valid one.

    Args:
        request: Its headers may carry a client key or a server key.
        snapshot: The configuration to look in.
        client_key: One given outside the headers, where a secret has no business to be.
    """
    key = key_of(request)
    site = site_of_key(snapshot, key) if key else snapshot.client_keys.get(client_key)
    if site is None:
        raise RefusedError(401)
    origin = request.header("origin")
    if origin and site.allowed_origins and origin not in site.allowed_origins:
        raise RefusedError(403)
    return site


def with_cors(response: Response) -> Response:
    return response.with_headers(*CORS_HEADERS)
