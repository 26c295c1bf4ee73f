"""Limit on evaluations by the client's address, in the memory of one process.

An address is looked up as it came; the network that it belongs to is found out once in a while. So
a client that comes again costs a look-up, and no address is kept for longer than its bucket.
"""

from collections.abc import Callable
from typing import TypeVar

from experiments.services.senders.token_buckets import MOST_BUCKETS, SWEEP_S, TokenBuckets

# A page asks once or twice, and behind the address of a carrier or an office many pages do.
BURST_S = 10.0
_UNKNOWN = ""

_Asked = TypeVar("_Asked")


class EvaluationLimit:
    """Lets each network take `per_s` a second in the long run, and ten seconds' worth at once."""

    def __init__(self, per_s: float) -> None:
        """Take a rate; 0 or less never refuses."""
        self.per_s = per_s
        self._buckets = TokenBuckets(per_s, burst=per_s * BURST_S)
        # The network of each address, None where many may be behind one.
        self._networks: dict[str, str | None] = {}
        self._cleared_at = float("-inf")

    def take(
        self, address: str, network_of: Callable[[_Asked], str | None], asked: _Asked, *, now: float
    ) -> float:
        """Return the seconds until the address may ask again; 0.0 if it may now.

        Args:
            address: The client's address as it came; "" never waits.
            network_of: Finds the network that it counts for, of `asked`; None never waits.
            asked: The request.
            now: Seconds of any clock.
        """
        network = self._networks.get(address, _UNKNOWN)
        if network == _UNKNOWN:
            if now - self._cleared_at >= SWEEP_S or len(self._networks) >= MOST_BUCKETS:
                self._networks.clear()
                self._cleared_at = now
            network = self._networks[address] = network_of(asked) if address else None
        return 0.0 if network is None else self._buckets.take(network, now=now)
