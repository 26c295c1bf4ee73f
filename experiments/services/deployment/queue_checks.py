"""Checks of the queue and the event stream: reachable, durable, not evicting."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from experiments.redis_errors import redis_error
from experiments.services.deployment.findings import Finding, error, ok, skipped, warning
from experiments.services.events.redis_durability import doubts_about
from experiments.services.events.redis_stream import configured_stream

if TYPE_CHECKING:
    from redis import Redis

TIMEOUT_S = 3.0


def queue_findings() -> Iterator[Finding]:
    yield from _broker(settings.CELERY_BROKER_URL)
    stream = configured_stream()
    if stream is None:
        yield skipped("stream", "Web processes store events themselves.")
        return
    yield from redis_findings("stream", stream.client)
    depths = stream.depths()
    if depths.dead:
        text = f"{depths.dead:,} entries could not be stored."
        yield warning("dead events", text, "See `manage.py dead_events`.")


def redis_findings(subject: str, client: "Redis") -> Iterator[Finding]:
    """Yield whether a Redis answers and keeps what it acknowledges."""
    try:
        version = client.info("server")["redis_version"]
        doubts = doubts_about(client)
    except redis_error() as problem:
        yield error(subject, f"Redis does not answer: {problem}.", "Start it, or correct the URL.")
        return
    for doubt in doubts:
        text, _, remedy = doubt.rpartition(" Set ")
        yield warning(subject, text, f"Set {remedy}")
    if not doubts:
        yield ok(subject, f"Redis {version} answers and keeps what it acknowledges.")


def _broker(url: str) -> Iterator[Finding]:
    if url.startswith("filesystem"):
        folder = Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"])
        yield ok("queue", f"A folder of this machine: {folder}.")
    elif url.startswith(("redis", "unix")):
        from redis import Redis  # noqa: PLC0415

        client = Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
        with client:
            yield from redis_findings("queue", client)
    else:
        yield skipped("queue", f"A broker of another kind: {url.partition(':')[0]}.")
