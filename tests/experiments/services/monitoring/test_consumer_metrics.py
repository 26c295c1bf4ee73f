from types import SimpleNamespace

from experiments.services.events.stream_consumer import ConsumerTally
from experiments.services.monitoring.consumer_metrics import ConsumerMetrics


def test_tally_is_told_as_it_is_now():
    consumer = SimpleNamespace(tally=ConsumerTally())
    metrics = ConsumerMetrics(consumer)
    consumer.tally.stored, consumer.tally.duplicates, consumer.tally.buried = 5, 2, 1
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in metrics.collect()
        for sample in family.samples
    }
    assert values == {
        ("ctaopt_stream_events_total", "stored"): 5,
        ("ctaopt_stream_events_total", "duplicate"): 2,
        ("ctaopt_stream_entries_buried_total",): 1,
    }
