"""Internal traffic of a site: its own networks and visitor-id prefixes."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from experiments.models import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class InternalTraffic:
    """Networks and visitor-id prefixes of a site's own staff."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    visitors: tuple[str, ...] = ()

    def visitor_flags(self, visitor: str) -> int:
        is_internal = self.visitors and visitor.startswith(self.visitors)
        return int(Event.Flag.INTERNAL) if is_internal else 0


def internal_traffic(*, networks: Sequence[str], visitors: Sequence[str]) -> InternalTraffic:
    return InternalTraffic(
        networks=tuple(ip_network(text) for text in networks), visitors=tuple(visitors)
    )
