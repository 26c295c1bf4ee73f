"""Senders of events, distinguished by their addresses without keeping these.

A digest serves the limits for an hour and changes with it. A group serves the search for bursts:
one of a few hundred, so that it names nobody, with another deal each day and site.
"""

import hashlib
from datetime import UTC, date, datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network
from socket import AF_INET, inet_pton

from django.conf import settings
from django.utils.crypto import salted_hmac

DIGEST_BYTES = 12
GROUPS = 512
# A household or a phone has a whole network of version 6.
BITS_OF_VERSION_6 = 64
# Proxies, containers and tests: behind them may be everybody.
OWN_NETWORKS = tuple(
    ip_network(text)
    for text in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("100.64.0.0/10", "0.0.0.0/8", "::1/128", "::/128", "fe80::/10", "fc00::/7"),
    )
)

# Each of them lies within one.
OWN_FIRST_BYTES = frozenset(
    int(one.network_address) >> 24 for one in OWN_NETWORKS if isinstance(one, IPv4Network)
)


def sender_network(address: str, *, is_forwarded: bool) -> str | None:
    """Return the network that counts as one sender: an address, or 64 bits of version 6.

    Args:
        address: The client's address, perhaps with a port.
        is_forwarded: A trusted proxy named it. Otherwise it is the end of the connection: in an
            own network that is an undeclared proxy, which stands for anybody.

    Returns:
        Network as text; None if it is unknown.
    """
    text = address.strip()
    number = _version_4(text)
    if number is not None:  # Nearly always, and ten times as quick.
        return None if not is_forwarded and _is_own_version_4(number) else text
    client = _parsed(text)
    if client is None or (not is_forwarded and _is_own(client)):
        return None
    if isinstance(client, IPv6Address):
        return f"{int(client) >> (128 - BITS_OF_VERSION_6):x}"
    return str(client)


def sender_digest(network: str, *, now: datetime) -> bytes:
    """Return the sender's keyed hash of this hour."""
    key = _key(settings.SECRET_KEY, f"hour {int(now.timestamp()) // 3600}")
    return hashlib.blake2b(network.encode(), digest_size=DIGEST_BYTES, key=key).digest()


def sender_group(network: str, *, site_id: int, now: datetime) -> int:
    """Return the sender's group of this day (UTC) on a site, from 0 to GROUPS - 1."""
    key = _key(settings.SECRET_KEY, f"day {_day(now).isoformat()} site {site_id}")
    digest = hashlib.blake2b(network.encode(), digest_size=4, key=key).digest()
    return int.from_bytes(digest) % GROUPS


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()


@lru_cache(maxsize=256)
def _key(secret: str, period: str) -> bytes:
    return salted_hmac("experiments.senders", period, secret=secret, algorithm="sha256").digest()


def _version_4(text: str) -> int | None:
    """Return the number of a plain address of version 4; None for any other text."""
    try:
        return int.from_bytes(inet_pton(AF_INET, text))
    except (OSError, ValueError):
        return None


def _is_own_version_4(number: int) -> bool:
    return number >> 24 in OWN_FIRST_BYTES and _is_own(IPv4Address(number))


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    client: IPv4Address | IPv6Address | None
    try:
        client = ip_address(text)
    except ValueError:
        client = _without_port(text)
    # An IPv4 client of a socket that takes both.
    return getattr(client, "ipv4_mapped", None) or client


def _without_port(text: str) -> IPv4Address | IPv6Address | None:
    host = text[1:].partition("]")[0] if text.startswith("[") else text.rpartition(":")[0]
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_own(client: IPv4Address | IPv6Address) -> bool:
    return any(client in network for network in OWN_NETWORKS)
