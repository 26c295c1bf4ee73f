"""Exceptions of the Redis client, which is loaded only where Redis is used.

The client costs a process 23 MB and half a second at its start; most installations have no Redis.
"""


def redis_error() -> type[Exception]:
    """Return the base class of the client's exceptions, for an `except` clause.

    Python evaluates its expression only while an exception is on its way.
    """
    from redis.exceptions import RedisError  # noqa: PLC0415

    return RedisError


def is_lost_connection(error: Exception) -> bool:
    """Return whether Redis was not reached, or did not answer in time."""
    from redis import exceptions  # noqa: PLC0415

    return isinstance(error, (exceptions.ConnectionError, exceptions.TimeoutError))
