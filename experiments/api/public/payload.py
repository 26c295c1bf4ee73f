"""GET /api/features/{client_key}: the site's configuration for GrowthBook's SDKs and for CDNs.

One document for all visitors of a site, so that a cache answers nearly all of them. It carries no
visitor's data and no secret, and its address a publishable key only.
"""

from dataclasses import dataclass

from django.conf import settings

from experiments.api.public.http import (
    JSON,
    Request,
    Response,
    encode_json,
    error_response,
    etag_of,
    has_etag,
)
from experiments.services.payload import payload_of
from experiments.services.snapshot import ServedSite, SnapshotStore

PREFIX = "/api/features"
NOT_CACHED = ("Cache-Control", "no-store")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Encoded:
    """A site's payload, written once for each snapshot."""

    site: ServedSite
    body: bytes
    etag: str


_encoded: dict[str, _Encoded] = {}


def payload(request: Request, store: SnapshotStore) -> Response:
    """Answer 200, or 304 to who has this version. The page's origin is not looked at.

    A cache in between would give one page's answer to every other.
    """
    client_key = request.path[len(PREFIX) + 1 :]
    site = store.current().client_keys.get(client_key)
    if site is None:
        return error_response(404, "no site has this client key", NOT_CACHED)
    encoded = _encoded_payload(client_key, site)
    headers = (("ETag", encoded.etag), ("Cache-Control", settings.CTAOPT_PAYLOAD_CACHE_CONTROL))
    if has_etag(request, encoded.etag):
        return Response(status=304, headers=headers)
    return Response(status=200, body=encoded.body, headers=(JSON, *headers))


def _encoded_payload(client_key: str, site: ServedSite) -> _Encoded:
    # Another snapshot, other site objects: compared by identity, nothing is served stale.
    found = _encoded.get(client_key)
    if found is None or found.site is not site:
        body = encode_json(payload_of(site))
        found = _encoded[client_key] = _Encoded(site=site, body=body, etag=etag_of(body))
    return found
