"""GET /metrics: counters of this process, in Prometheus' text format.

Labels are bounded: keys of the configuration and words of this module, never what was asked for.

An evaluation takes some microseconds, of which the client library's own counters would be a good
part: each of theirs takes a lock. Ours are plain numbers. `n += 1` on one is not interrupted:
CPython 3.11 changes threads only where a function is entered or a loop goes back, and a test
counts from several threads.
"""

import logging
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate

from django.db import Error
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from experiments.api.public.http import Request, Response
from experiments.api.public.redis_stream_metrics import StreamDepths
from experiments.selectors import reports, rollups
from experiments.services.events.ingestion import Receipt
from experiments.services.serving.snapshot_store import SnapshotStore

logger = logging.getLogger(__name__)

# From a bare evaluation (0.01 ms) to a commit that waits for another (seconds).
BUCKETS_S = (
    *(0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01),
    *(0.025, 0.05, 0.1, 0.5, 2.5, 10.0),
)
BOUNDS = (*(str(bound) for bound in BUCKETS_S), "+Inf")

EVENTS = Counter(
    "ctaopt_events_total",
    "Events by what became of them.",
    ("site", "outcome"),
)

BUSY = Counter(
    "ctaopt_requests_refused_total",
    "Requests refused because all threads of their share were busy.",
    ("share",),
)

FROZEN_ARMS = Gauge(
    "ctaopt_frozen_arm",
    "1 while a cache seems to give one arm of the experiment to everybody.",
    ("site", "experiment"),
)


class Timing:
    """Durations of the requests of one route and status."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * len(BOUNDS)
        self.seconds = 0.0

    def observe(self, seconds: float) -> None:
        place = bisect_left(BUCKETS_S, seconds)
        self.counts[place] += 1
        self.seconds += seconds


class Tallies(Collector):
    """Counts of the hot path, handed to Prometheus when it asks."""

    def __init__(self) -> None:
        self.timings: dict[tuple[str, int], Timing] = {}
        # By site, slot and reason; an unknown slot is counted under an empty name.
        self.evaluations: defaultdict[tuple[str, str, str], int] = defaultdict(int)

    def timing(self, route: str, status: int) -> Timing:
        timing = self.timings.get((route, status))
        # Not a defaultdict: of two threads that make the first one at once, one must win.
        return timing or self.timings.setdefault((route, status), Timing())

    def collect(self) -> Iterator[Metric]:
        requests = HistogramMetricFamily(
            "ctaopt_request_seconds",
            "Time to answer a request for serving or events.",
            labels=("route", "status"),
        )
        for (route, status), timing in list(self.timings.items()):
            buckets = list(zip(BOUNDS, accumulate(timing.counts), strict=True))
            requests.add_metric((route, str(status)), buckets, sum_value=timing.seconds)
        yield requests
        evaluations = CounterMetricFamily(
            "ctaopt_evaluations", "Slots evaluated.", labels=("site", "slot", "reason")
        )
        for labels, count in list(self.evaluations.items()):
            evaluations.add_metric(labels, count)
        yield evaluations


TALLIES = Tallies()
REGISTRY.register(TALLIES)
REGISTRY.register(StreamDepths())


DIFFERING_ROWS = Gauge(
    "ctaopt_rollup_rows_differing",
    "Rows of rollups that the nightly count of the events does not confirm.",
    ("site", "experiment"),
)
WAITING_EVENTS = Gauge("ctaopt_events_waiting", "Events that the rollups do not count yet.")


def metrics(_: Request, __: SnapshotStore) -> Response:
    _read_alarms()
    body = generate_latest()
    return Response(status=200, body=body, headers=(("Content-Type", CONTENT_TYPE_LATEST),))


def _read_alarms() -> None:
    try:
        alarms, differing = list(reports.cache_alarms()), list(rollups.rollup_alarms())
        WAITING_EVENTS.set(rollups.waiting_events())
    except Error:  # What the process itself has counted is told all the same.
        logger.warning("metrics: the database did not say what it warns of")
        return
    FROZEN_ARMS.clear()
    for alarm in alarms:
        FROZEN_ARMS.labels(alarm.experiment.slot.site.key, alarm.experiment.key).set(1)
    DIFFERING_ROWS.clear()
    for check in differing:
        labels = (check.experiment.slot.site.key, check.experiment.key)
        DIFFERING_ROWS.labels(*labels).set(check.n_differing)


def count_request(route: str, status: int, seconds: float) -> None:
    TALLIES.timing(route, status).observe(seconds)


def count_evaluation(site: str, slot: str, reason: str) -> None:
    TALLIES.evaluations[site, slot, reason] += 1


def count_events(*, site: str, receipt: Receipt) -> None:
    EVENTS.labels(site, "accepted").inc(receipt.accepted)
    EVENTS.labels(site, "duplicate").inc(receipt.duplicates)
    EVENTS.labels(site, "rejected").inc(len(receipt.rejected))


def count_busy(share: str) -> None:
    """Count a request that no thread of its share could take."""
    BUSY.labels(share).inc()


def count_refused_events(*, site: str, n_events: int) -> None:
    """Count events that could not be stored; they come again."""
    EVENTS.labels(site, "not_stored").inc(n_events)
