"""GET /metrics: what this process has done so far, in Prometheus' text format.

Labels are bounded: keys of the configuration and words of this module, never what was asked for.
"""

from functools import cache

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest

from experiments.api.public.http import Request, Response
from experiments.services.ingestion import Receipt
from experiments.services.snapshot import SnapshotStore

# From a bare evaluation (0.1 ms) to a commit that waits for another (seconds).
BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0)

REQUESTS = Histogram(
    "ctaopt_request_seconds",
    "Time to answer a request for serving or events.",
    ("route", "status"),
    buckets=BUCKETS_S,
)
EVALUATIONS = Counter(
    "ctaopt_evaluations_total",
    "Slots evaluated; an unknown slot is counted under an empty name.",
    ("site", "slot", "reason"),
)
EVENTS = Counter(
    "ctaopt_events_total",
    "Events by what became of them.",
    ("site", "outcome"),
)


def metrics(_: Request, __: SnapshotStore) -> Response:
    body = generate_latest()
    return Response(status=200, body=body, headers=(("Content-Type", CONTENT_TYPE_LATEST),))


def count_request(*, route: str, status: int, seconds: float) -> None:
    _requests(route, status).observe(seconds)


def count_evaluation(*, site: str, slot: str, reason: str) -> None:
    _evaluations(site, slot, reason).inc()


def count_events(*, site: str, receipt: Receipt) -> None:
    EVENTS.labels(site, "accepted").inc(receipt.accepted)
    EVENTS.labels(site, "duplicate").inc(receipt.duplicates)
    EVENTS.labels(site, "rejected").inc(len(receipt.rejected))


def count_refused_events(*, site: str, n_events: int) -> None:
    """Count events that could not be stored; they come again."""
    EVENTS.labels(site, "not_stored").inc(n_events)


# Finding a labelled child costs more than counting in it.
@cache
def _requests(route: str, status: int) -> Histogram:
    return REQUESTS.labels(route, status)


@cache
def _evaluations(site: str, slot: str, reason: str) -> Counter:
    return EVALUATIONS.labels(site, slot, reason)
