"""GET /api/features/{client_key}: the site's configuration for GrowthBook's SDKs and for CDNs.

One document for all visitors of a site, so that a cache answers nearly all of them. It carries no
visitor's data and no secret, and its address a publishable key only.
"""

from typing import NamedTuple

from django.conf import settings

from experiments.api.public.access import CORS_HEADERS
from experiments.api.public.content_coding import FAST, Representations
from experiments.api.public.http import JSON, Request, Response, encode_json, error_response
from experiments.services.catalogue.key_use import key_uses
from experiments.services.serving.growthbook_payload import payload_of
from experiments.services.serving.snapshot import ServedSite
from experiments.services.serving.snapshot_store import SnapshotStore

PREFIX = "/api/features"
NOT_CACHED = ("Cache-Control", "no-store")


class _Encoded(NamedTuple):
    """A site's payload, written once for each snapshot."""

    site: ServedSite
    body: bytes
    answers: Representations


_encoded: dict[str, _Encoded] = {}


def payload(request: Request, store: SnapshotStore) -> Response:
    """Answer 200, or 304 to who has this version. The page's origin is not looked at.

    A cache in between would give one page's answer to every other.
    """
    client_key = request.path[len(PREFIX) + 1 :]
    site = store.current().client_keys.get(client_key)
    if site is None:
        return error_response(404, "no site has this client key", NOT_CACHED)
    if client_key != site.client_key:
        key_uses.note(client_key)
    return _encoded_payload(client_key, site).answers.answer(request)


def _encoded_payload(client_key: str, site: ServedSite) -> _Encoded:
    # Another snapshot, other site objects: compared by identity, nothing is served stale.
    encoded = _encoded.get(client_key)
    if encoded is None or encoded.site is not site:
        encoded = _encoded[client_key] = _encode(site, before=encoded)
    return encoded


def _encode(site: ServedSite, *, before: _Encoded | None) -> _Encoded:
    body = encode_json(payload_of(site))
    # A change of another site's configuration: what was compressed stays.
    if before is not None and before.body == body:
        return _Encoded(site, body, before.answers)
    caching = ("Cache-Control", settings.CTAOPT_PAYLOAD_CACHE_CONTROL)
    answers = Representations(
        body, headers=(caching,), of_whole=(JSON,), last=CORS_HEADERS, effort=FAST
    )
    return _Encoded(site, body, answers)
