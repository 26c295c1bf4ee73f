"""Access control of the public API: keys, allowed origins and rate limits."""

import math
from typing import NamedTuple

from experiments.api.public.http import RefusedError, Request, key_of
from experiments.api.public.rate_limit import RateLimit
from experiments.services.serving.evaluation import site_of_key
from experiments.services.serving.snapshot import ServedSite, Snapshot

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
CHALLENGE = ("WWW-Authenticate", "Bearer")


class Asker(NamedTuple):
    """The site that a request is about, and the key that opened it."""

    site: ServedSite
    key: str


def site_of(request: Request, snapshot: Snapshot, *, client_key: str = "") -> ServedSite:
    """Return the site of the request's key; raise RefusedError without a valid one.

    Args:
        request: Its headers may carry a client key or a server key.
        snapshot: The configuration to look in.
        client_key: One given outside the headers, where a secret has no business to be.
    """
    return asker_of(request, snapshot, client_key=client_key).site


def asker_of(request: Request, snapshot: Snapshot, *, client_key: str = "") -> Asker:
    """Return whose key the request carries; as `site_of`."""
    key = key_of(request)
    if key:
        site = site_of_key(snapshot, key)
    else:
        key = client_key
        site = snapshot.client_keys.get(key)
    if site is None:
        raise RefusedError(401, headers=(CHALLENGE,))
    if site.allowed_origins:
        origin = request.header("origin")
        if origin and origin not in site.allowed_origins:
            raise RefusedError(403)
    return Asker(site, key)


def check_rate(limit: RateLimit, asker: Asker, *, now: float) -> None:
    """Raise RefusedError if the key has asked too often; `now` in seconds of any clock."""
    wait_s = limit.take(asker.key, now=now)
    if wait_s:
        raise RefusedError(
            429,
            code="GENERAL",
            details=f"more than {limit.per_s:g} requests a second with this key",
            headers=(("Retry-After", str(math.ceil(wait_s))),),
        )
