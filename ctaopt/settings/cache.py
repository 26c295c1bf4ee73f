"""Cache of counters: log-in attempts, used codes of second factors."""

from pathlib import Path
from typing import Any

# A Redis that is gone refuses at once; one that hangs would hold the threads of all log-ins.
TIMEOUT_S = 2.0


def cache(url: str, *, folder: Path) -> dict[str, Any]:
    """Return a cache in a Redis that all machines share, or in a folder for those of one machine.

    Args:
        url: Address of the Redis; "" for the folder.
        folder: Folder that the processes of one machine share.
    """
    if url:
        return {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": url,
            "KEY_PREFIX": "ctaopt",
            "OPTIONS": {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S},
        }
    return {
        "BACKEND": "accounts.file_cache.LockedFileCache",
        "LOCATION": str(folder),
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
