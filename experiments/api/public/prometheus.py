"""GET /metrics: counters of all processes of the machine, in Prometheus' text format.

Labels are bounded: keys of the configuration and words of this module, never what was asked for.

An evaluation takes some microseconds, of which the client library's own counters would be a good
part: each of theirs takes a lock. Ours are plain numbers. `n += 1` on one is not interrupted:
CPython 3.11 changes threads only where a function is entered or a loop goes back, and a test
counts from several threads.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from experiments.api.public.http import Request, Response
from experiments.services.events.ingestion import Receipt
from experiments.services.monitoring.event_intake import COUNTER, kind_of
from experiments.services.monitoring.process_metrics import collected
from experiments.services.monitoring.state_metrics import state_metrics
from experiments.services.serving.snapshot_store import SnapshotStore

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

REJECTED = Counter(
    "ctaopt_events_rejected_total",
    "Events that were rejected, by the kind of reason.",
    ("site", "reason"),
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


class Answer(Collector):
    """All figures, read when Prometheus asks."""

    def __init__(self, store: SnapshotStore) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        yield from collected()
        yield from state_metrics(snapshot_age_s=self._store.age_s())


def metrics(_: Request, store: SnapshotStore) -> Response:
    """Answer for every process that shares its counters with this one."""
    body = generate_latest(Answer(store))
    return Response(status=200, body=body, headers=(("Content-Type", CONTENT_TYPE_LATEST),))


def count_request(route: str, status: int, seconds: float) -> None:
    TALLIES.timing(route, status).observe(seconds)


def count_evaluation(site: str, slot: str, reason: str) -> None:
    TALLIES.evaluations[site, slot, reason] += 1


def count_events(*, site: str, receipt: Receipt) -> None:
    EVENTS.labels(site, "accepted").inc(receipt.accepted)
    EVENTS.labels(site, "duplicate").inc(receipt.duplicates)
    EVENTS.labels(site, "rejected").inc(len(receipt.rejected))
    kinds = [kind_of(rejection.reason) for rejection in receipt.rejected]
    for kind in kinds:
        REJECTED.labels(site, kind).inc()
    COUNTER.add(site=site, taken=receipt.accepted + receipt.duplicates, rejected=kinds)


def count_busy(share: str) -> None:
    """Count a request that no thread of its share could take."""
    BUSY.labels(share).inc()


def count_refused_events(*, site: str, n_events: int) -> None:
    """Count events that could not be stored; they come again."""
    EVENTS.labels(site, "not_stored").inc(n_events)
