"""Limits on events: by key, and for pages by the sender's address."""

import hashlib
from dataclasses import dataclass
from functools import cache

from django.conf import settings

from experiments.services.events.redis_stream import configured_stream
from experiments.services.senders.addresses import DIGEST_BYTES
from experiments.services.senders.shared_limit import SharedLimit

# A site's traffic is even; behind the address of a carrier or an office many arrive at once.
KEY_BURST_S = 2.0
ADDRESS_BURST_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLimits:
    """Both limits; a request without a known sender has only that of its key."""

    by_key: SharedLimit
    by_sender: SharedLimit

    def wait_s(self, key: bytes, sender: bytes | None, *, now: float) -> float:
        """Return the seconds until a request may pass; 0.0 if this one may.

        A sender that is refused takes nothing from the key, which is everybody's.
        """
        if sender is not None and (wait := self.by_sender.take(sender, now=now)):
            return wait
        return self.by_key.take(key, now=now)

    def spend(self, key: bytes, sender: bytes | None, n_events: int, *, now: float) -> None:
        """Count the events of a request that may pass; the first is counted already."""
        more = max(n_events - 1, 0)
        if sender is not None:
            self.by_sender.spend(sender, more, now=now)
        self.by_key.spend(key, more, now=now)


def key_digest(key: str) -> bytes:
    """Return a digest of a client or server key, under which its limit is kept."""
    return hashlib.blake2b(key.encode(), digest_size=DIGEST_BYTES).digest()


def event_limits() -> EventLimits:
    """Return the limits of the settings, one pair a process."""
    return _limits(
        settings.CTAOPT_EVENTS_PER_KEY_PER_S,
        settings.CTAOPT_EVENTS_PER_ADDRESS_PER_S,
        settings.CTAOPT_EVENTS_URL,
    )


@cache
def _limits(per_key: float, per_address: float, _: str) -> EventLimits:
    stream = configured_stream()
    client = None if stream is None else stream.client
    return EventLimits(
        by_key=SharedLimit("key", per_key, KEY_BURST_S, client),
        by_sender=SharedLimit("sender", per_address, ADDRESS_BURST_S, client),
    )
