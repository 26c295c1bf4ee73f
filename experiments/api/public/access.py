"""Access control of the public API: keys, allowed origins and rate limits."""

import logging
import math
from functools import cache
from typing import NamedTuple

from django.conf import settings

from experiments.api.public.edge_settings import edge_settings
from experiments.api.public.http import RefusedError, Request, client_address, key_of
from experiments.services.catalogue.key_use import key_uses
from experiments.services.catalogue.server_keys import Scope, server_key_digest
from experiments.services.senders.addresses import sender_network
from experiments.services.senders.evaluation_limit import EvaluationLimit
from experiments.services.senders.token_buckets import TokenBuckets
from experiments.services.serving.snapshot import ServedSite, Snapshot

logger = logging.getLogger(__name__)

# As Django's own answers: a browser that has once come by HTTPS never comes in the clear again.
TRANSPORT_HEADERS = (
    (("Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}"),)
    if settings.SECURE_HSTS_SECONDS
    else ()
)
# Keys, not cookies, give access: any page may read the answer. Without the second header a
# browser's client reads every ETag as null and never gets a 304.
CORS_HEADERS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "ETag, Retry-After"),
    *TRANSPORT_HEADERS,
)
PREFLIGHT_HEADERS = (
    ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
    ("Access-Control-Allow-Headers", "content-type, if-none-match, authorization, x-api-key"),
    ("Access-Control-Max-Age", "86400"),
)
CHALLENGE = ("WWW-Authenticate", "Bearer")
READ = str(Scope.READ)
WRITE = str(Scope.WRITE)


address_limit = EvaluationLimit(settings.CTAOPT_EVALUATIONS_PER_ADDRESS_PER_S)


class Asker(NamedTuple):
    """The site that a request is about, the key that opened it, and if pages have that key."""

    site: ServedSite
    key: str
    is_page: bool


def site_of(
    request: Request, snapshot: Snapshot, *, client_key: str = "", scope: str = READ
) -> ServedSite:
    """Return the site of the request's key; raise RefusedError without a valid one.

    Args:
        request: Its headers may carry a client key or a server key.
        snapshot: The configuration to look in.
        client_key: One given outside the headers, where a secret has no business to be.
        scope: Scope that a server key needs; a client key needs none.
    """
    return asker_of(request, snapshot, client_key=client_key, scope=scope).site


def asker_of(
    request: Request, snapshot: Snapshot, *, client_key: str = "", scope: str = READ
) -> Asker:
    """Return whose key the request carries; as `site_of`."""
    secret = key_of(request)
    key = secret or client_key
    site = snapshot.client_keys.get(key)
    is_page = site is not None
    if site is None:
        site = _site_of_secret(snapshot, secret, scope=scope, client_key=key)
        _check_transport(request)
    elif key != site.client_key:
        key_uses.note(key)
    if site.allowed_origins:
        origin = request.header("origin")
        if origin and origin not in site.allowed_origins:
            raise RefusedError(403)
    return Asker(site, key, is_page)


def _site_of_secret(snapshot: Snapshot, secret: str, *, scope: str, client_key: str) -> ServedSite:
    """Return the site of a server key; raise RefusedError, with the reason, without a valid one."""
    # Every refusal takes the same steps: one digest, and look-ups by it.
    digest = server_key_digest(secret)
    served, reason = snapshot.server_key_digests.get(digest), snapshot.closed.get(digest)
    if served is None:
        if not client_key:
            raise RefusedError(401, headers=(CHALLENGE,))
        reason = reason or snapshot.closed.get(client_key, "unknown")
        raise _refused(401, f'error="invalid_token", error_description="{reason} key"')
    key_uses.note(served.pk)
    if scope not in served.scopes:
        raise _refused(403, f'error="insufficient_scope", scope="{scope}"')
    return served.site


def _check_transport(request: Request) -> None:
    """Refuse a secret that came in the clear, where the service stands behind TLS."""
    if not settings.SECURE_SSL_REDIRECT:
        return
    if (request.header("x-forwarded-proto") or request.scheme) == "https":
        return
    if not request.header("x-forwarded-proto"):
        # Past the proxy, from the own network; or the proxy does not say how it was asked.
        logger.warning("a server key came without X-Forwarded-Proto: docs/security.md, Proxies")
        return
    raise _refused(403, 'error="invalid_request", error_description="send keys over HTTPS only"')


def _refused(status: int, parameters: str) -> RefusedError:
    # In a header (RFC 6750): OFREP wants no body in the answer to a refused key.
    return RefusedError(status, headers=(("WWW-Authenticate", f"Bearer {parameters}"),))


def request_limit(per_s: float) -> TokenBuckets:
    """Return a limit of this process: a key may ask at this rate, for a moment twice as often."""
    return TokenBuckets(per_s, burst=2 * per_s)


def admit(request: Request, asker: Asker, limit: TokenBuckets, *, now: float) -> None:
    """Check the rates of the address and of the key, once for each request.

    An address that is refused takes nothing from the key, which is everybody's.
    """
    if request.is_admitted:
        return
    if asker.is_page and address_limit.per_s > 0:
        _check_address(request, now=now)
    check_rate(limit, asker, now=now)
    request.is_admitted = True


def _check_address(request: Request, *, now: float) -> None:
    """Raise RefusedError if the client's address has asked too often."""
    address = client_address(request, proxies=edge_settings.proxies)
    wait_s = address_limit.take(address, network_of, request, now=now)
    if wait_s:
        raise too_many(wait_s, f"more than {address_limit.per_s:g} a second from this address")


def check_rate(limit: TokenBuckets, asker: Asker, *, now: float) -> None:
    """Raise RefusedError if the key has asked too often; `now` in seconds of any clock."""
    wait_s = limit.take(asker.key, now=now)
    if wait_s:
        raise too_many(wait_s, f"more than {limit.per_s:g} requests a second with this key")


def too_many(wait_s: float, details: str) -> RefusedError:
    """Return the refusal of a request that may come again after `wait_s`."""
    return RefusedError(
        429,
        code="GENERAL",
        details=details,
        headers=(("Retry-After", str(math.ceil(wait_s))),),
    )


def network_of(request: Request) -> str | None:
    """Return the network of the client, as `sender_network`; None where it cannot be known."""
    proxies = edge_settings.proxies
    address = client_address(request, proxies=proxies)
    is_forwarded = proxies > 0 and address != request.address
    network = sender_network(address, is_forwarded=is_forwarded)
    if network is None and not proxies and request.header("x-forwarded-for"):
        _warn_of_undeclared_proxy()
    return network


@cache
def _warn_of_undeclared_proxy() -> None:
    logger.warning(
        "A proxy names clients (X-Forwarded-For), but CTAOPT_PROXIES is 0: limits by address and "
        "the search for bursts do not see who sends. Set it to the number of your own proxies."
    )
