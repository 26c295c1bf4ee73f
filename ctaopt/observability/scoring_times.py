"""Times of the scoring service's answers."""

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

from prometheus_client import Histogram

from ctaopt.observability.request_ids import WSGIApp

SECONDS = Histogram(
    "ctaopt_scoring_seconds",
    "Time to answer a request of the scoring service.",
    ("status",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0),
)


def timed(app: WSGIApp) -> WSGIApp:
    """Return the application whose answers are timed by their status."""

    def application(environ: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
        began = perf_counter()
        statuses: list[str] = []

        def starting(status: str, *rest: Any) -> Any:
            statuses.append(status[:3])
            return start_response(status, *rest)

        body = app(environ, starting)
        SECONDS.labels(statuses[0]).observe(perf_counter() - began)
        return body

    return application
