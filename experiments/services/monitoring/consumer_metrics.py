"""Counters of the consumer's work."""

from collections.abc import Iterator
from typing import Any

from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from experiments.services.events.stream_consumer import Consumer


class ConsumerMetrics(Collector):
    """The tally of a consumer, as Prometheus wants it."""

    def __init__(self, consumer: Consumer[Any]) -> None:
        self._consumer = consumer

    def collect(self) -> Iterator[Metric]:
        tally = self._consumer.tally
        events = CounterMetricFamily(
            "ctaopt_stream_events", "Events that the consumer stored.", labels=("outcome",)
        )
        events.add_metric(("stored",), tally.stored)
        events.add_metric(("duplicate",), tally.duplicates)
        yield events
        buried = CounterMetricFamily(
            "ctaopt_stream_entries_buried", "Requests that the consumer could not store."
        )
        buried.add_metric((), tally.buried)
        yield buried
