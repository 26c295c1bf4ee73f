"""Redis settings that may lose acknowledged events."""

import logging
from typing import TYPE_CHECKING

from experiments.redis_errors import redis_error
from experiments.services.events.redis_stream import configured_stream

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)


def doubts_about(client: "Redis") -> list[str]:
    """Return warnings, in sentences, about Redis settings that may lose acknowledged events."""
    memory, persistence = client.info("memory"), client.info("persistence")
    doubts = []
    if not persistence.get("aof_enabled"):
        doubts.append(
            "Redis keeps no append-only file: events that it acknowledged are lost when it ends. "
            "Set appendonly yes."
        )
    elif _setting(client, "appendfsync") == "no":
        doubts.append(
            "Redis leaves it to the system when its append-only file reaches the disk: a power "
            "cut may lose half a minute. Set appendfsync everysec (at most about a second) or "
            "always (nothing)."
        )
    policy = str(memory.get("maxmemory_policy", ""))
    if memory.get("maxmemory") and policy.startswith("allkeys"):
        doubts.append(
            f"Redis evicts any key when it is full ({policy}), this stream too. "
            "Set maxmemory-policy noeviction: then events are refused with 503 instead."
        )
    return doubts


def _setting(client: "Redis", name: str) -> str:
    try:
        return str(client.config_get(name).get(name, ""))
    except redis_error():  # Hosted Redis services often hide its settings.
        return ""


def warn_at_start() -> None:
    """Log settings that may lose events, if a stream is configured; called at process start."""
    stream = configured_stream()
    if stream is not None:
        warn_about(stream.client)


def warn_about(client: "Redis") -> None:
    """Log settings that may lose events; an unreachable Redis only logs a warning here."""
    try:
        for doubt in doubts_about(client):
            logger.warning("%s", doubt)
    except redis_error() as error:
        logger.warning("Redis does not answer: %s", error)
