"""Rate limit per key and process: a token bucket in memory."""


class RateLimit:
    """Lets each key ask `per_s` times a second, and twice as often for a moment.

    Two threads that take from one bucket at the same time may take one token together: a limit
    that protects a process need not be exact. Only valid keys may come here, so that the buckets
    are as few as they.
    """

    def __init__(self, per_s: float) -> None:
        """Take a rate; 0 or less never refuses."""
        self.per_s = per_s
        self._capacity = max(2 * per_s, 1.0)
        # Tokens left, and when they were counted.
        self._buckets: dict[str, list[float]] = {}

    def take(self, key: str, *, now: float) -> float:
        """Return the seconds until a request may pass; 0.0 if this one may."""
        if self.per_s <= 0:
            return 0.0
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = [self._capacity, now]
        tokens = bucket[0] + (now - bucket[1]) * self.per_s
        if tokens > self._capacity:
            tokens = self._capacity
        bucket[1] = now
        if tokens < 1:
            bucket[0] = tokens
            return (1 - tokens) / self.per_s
        bucket[0] = tokens - 1
        return 0.0
