"""Rate limit that all processes share through Redis, and each keeps alone without it.

Every process has the whole limit in memory and refuses by itself. It reports what it let pass to
Redis only now and then, a second's worth of the limit at once, and gets the sum of all in return: a
usual sender never costs a call, and n processes overshoot by n such parts at most.
"""

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from experiments.redis_errors import redis_error
from experiments.services.senders.token_buckets import MOST_BUCKETS, TokenBuckets

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

# In Redis, for seconds; never rename while processes of two versions run.
PREFIX = "ctaopt:limit"
# After a failure Redis is left alone for this long, lest requests queue up behind it.
REST_S = 5.0
# The most that is reported at once, and so the overshoot of a process, in seconds of the limit.
REPORTED_S = 1.0
# What was not reported by then is forgotten, and so is its key.
FORGOTTEN_S = 60.0
# A bucket of one rate, kept until it would be full again. Its time is that of Redis.
TAKE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local rate, burst, taken = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local bucket = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = burst
if bucket[1] then
  left = math.min(burst, tonumber(bucket[1]) + (now - tonumber(bucket[2])) * rate)
end
left = math.max(left - taken, -burst)
redis.call('HSET', KEYS[1], 'left', tostring(left), 'at', tostring(now))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - left) / rate * 1000) + 1000)
return tostring(left)
"""


@dataclass(slots=True)
class SharedLimit:
    """Limit of one name; without a client each process counts for itself."""

    name: str
    per_s: float
    burst_s: float
    client: "Redis | None" = None
    _local: TokenBuckets = field(init=False)
    # What was let pass and not reported yet, and until when a key is refused.
    _unreported: dict[bytes, int] = field(default_factory=dict, init=False)
    _refused_until: dict[bytes, float] = field(default_factory=dict, init=False)
    _rests_until: float = field(default=0.0, init=False)
    _cleared_at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._local = TokenBuckets(self.per_s, burst=self.per_s * self.burst_s)

    def take(self, key: bytes, *, now: float) -> float:
        """Take a token; return the seconds until there is one, 0.0 if it was given."""
        until = self._refused_until.get(key)
        if until is not None and now < until:
            return until - now
        return self._local.take(key, now=now)

    def spend(self, key: bytes, tokens: int, *, now: float) -> None:
        """Take this many more tokens after one that was given, for all processes."""
        if self.per_s <= 0:
            return
        self._local.spend(key, tokens)
        if self.client is not None:
            self._report(key, tokens + 1, now)

    def _report(self, key: bytes, tokens: int, now: float) -> None:
        if now - self._cleared_at >= FORGOTTEN_S or len(self._unreported) >= MOST_BUCKETS:
            self._unreported.clear()
            self._refused_until.clear()
            self._cleared_at = now
        unreported = self._unreported.get(key, 0) + tokens
        if unreported < self.per_s * REPORTED_S or now < self._rests_until:
            self._unreported[key] = unreported
            return
        self._unreported.pop(key, None)
        try:
            left = self._reported(key, unreported)
        except redis_error() as error:
            self._rests_until = now + REST_S
            logger.warning("limits are each process' own for %s s: %s", REST_S, error)
            return
        if left < 1:
            self._refused_until[key] = now + (1 - left) / self.per_s

    def _reported(self, key: bytes, taken: int) -> float:
        client: Any = self.client
        burst = max(self.per_s * self.burst_s, 1.0)
        name = f"{PREFIX}:{self.name}:{key.hex()}"
        return float(client.eval(TAKE, 1, name, self.per_s, burst, taken))
