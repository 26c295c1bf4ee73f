"""Token buckets in memory: how much each key may take, now and in the long run.

A bucket that has refilled is the same as none and is dropped, so nothing outlives its window, and
however many keys come, their number is bounded.
"""

from collections.abc import Hashable

# Buckets of one limit; one takes some 200 bytes.
MOST_BUCKETS = 100_000
SWEEP_S = 30.0


class TokenBuckets:
    """Lets each key take `per_s` a second in the long run, and `burst` at once.

    Who found a token may `spend` more than there are, and is refused until the debt is paid: so a
    large batch waits for no full bucket. Two threads that take from one bucket at the same time
    may take one token together: a limit that protects need not be exact.
    """

    def __init__(self, per_s: float, *, burst: float, most: int = MOST_BUCKETS) -> None:
        """Take a rate; 0 or less never refuses."""
        self.per_s = per_s
        self._burst = max(burst, 1.0)
        self._most = most
        # Tokens left, and when they were counted.
        self._buckets: dict[Hashable, list[float]] = {}
        self._swept_at = float("-inf")

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: Hashable, *, now: float) -> float:
        """Take a token; return the seconds until there is one, 0.0 if it was given.

        `now` is in seconds of any clock.
        """
        if self.per_s <= 0:
            return 0.0
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._new(key, now)
        left = min(bucket[0] + (now - bucket[1]) * self.per_s, self._burst)
        bucket[1] = now
        if left < 1:
            bucket[0] = left
            return (1 - left) / self.per_s
        bucket[0] = left - 1
        return 0.0

    def spend(self, key: Hashable, tokens: int) -> None:
        """Take more tokens after one that was given; the debt is a full bucket at most."""
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket[0] = max(bucket[0] - tokens, -self._burst)

    def _new(self, key: Hashable, now: float) -> list[float]:
        if now - self._swept_at >= SWEEP_S or len(self._buckets) >= self._most:
            self._sweep(now)
        bucket = self._buckets[key] = [self._burst, now]
        return bucket

    def _sweep(self, now: float) -> None:
        self._swept_at = now
        for key, (left, at) in list(self._buckets.items()):
            if left + (now - at) * self.per_s >= self._burst:
                self._buckets.pop(key, None)
        if len(self._buckets) >= self._most:  # More senders than memory: forget the oldest half.
            for key in list(self._buckets)[: self._most // 2]:
                self._buckets.pop(key, None)
