"""Gauges of the Redis Stream's backlog, measured on each scrape."""

import logging
from collections.abc import Iterator

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from experiments.services.events.redis_stream import configured_stream

logger = logging.getLogger(__name__)


class StreamDepths(Collector):
    """Nothing without a stream; if Redis is silent, no figure rather than an old one."""

    def collect(self) -> Iterator[Metric]:
        stream = configured_stream()
        if stream is None:
            return
        try:
            depths = stream.depths()
        except RedisError as error:
            logger.warning("Redis does not answer: %s", error)
            return
        entries = GaugeMetricFamily(
            "ctaopt_event_stream_entries",
            "Requests in the Redis Stream: waiting, of these being stored, and dead ones.",
            labels=("state",),
        )
        entries.add_metric(("waiting",), depths.waiting)
        entries.add_metric(("pending",), depths.pending)
        entries.add_metric(("dead",), depths.dead)
        yield entries
