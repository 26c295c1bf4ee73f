"""The WSGI callable in front of Django: serving and events, with no middleware in between."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter

from django.db import Error, close_old_connections

from experiments.api.public import events, fragment, health, ofrep, payload, prometheus, snippet
from experiments.api.public.access import CORS_HEADERS, PREFLIGHT_HEADERS, TRANSPORT_HEADERS
from experiments.api.public.http import (
    NO_IDS,
    Environ,
    RefusedError,
    Request,
    RequestIds,
    Response,
    StartResponse,
    WSGIApp,
    empty_response,
    error_response,
    path_of,
    refusal,
    send,
)
from experiments.services.serving.database_waits import WouldWaitError
from experiments.services.serving.snapshot_store import SnapshotStore

logger = logging.getLogger(__name__)

RETRY_AFTER = ("Retry-After", "5")

Handler = Callable[[Request, SnapshotStore], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A way through the edge.

    `is_for_pages`: a script on any website may call it and read the answer.
    `asks_database`: its handler does, beside the store, which looks after itself.
    `share`: the threads that wait for it; "" for an answer from memory.
    """

    name: str
    methods: tuple[str, ...]
    handler: Handler
    is_for_pages: bool = False
    asks_database: bool = False
    share: str = ""


READING = ("GET", "HEAD")
# Shares of threads, which CTAOPT_THREADS sizes by these names.
EVENTS, STATUS, LOOK_UPS = "events", "status", "look_ups"
ROUTES: dict[str, Route] = {
    ofrep.PREFIX: Route(
        name="evaluate_all", methods=("POST",), handler=ofrep.evaluate_all, is_for_pages=True
    ),
    events.PATH: Route(
        name="events",
        methods=("POST",),
        handler=events.receive,
        is_for_pages=True,
        asks_database=True,
        share=EVENTS,
    ),
    snippet.PATH: Route(
        name="snippet", methods=READING, handler=snippet.snippet, is_for_pages=True
    ),
    "/healthz": Route(name="healthz", methods=READING, handler=health.healthz),
    "/readyz": Route(
        name="readyz", methods=READING, handler=health.readyz, asks_database=True, share=STATUS
    ),
    "/metrics": Route(
        name="metrics",
        methods=READING,
        handler=prometheus.metrics,
        asks_database=True,
        share=STATUS,
    ),
}
# What follows the prefix is a key: one route for all of them.
EVALUATE_ONE = Route(
    name="evaluate_one", methods=("POST",), handler=ofrep.evaluate_one, is_for_pages=True
)
PAYLOAD = Route(name="payload", methods=READING, handler=payload.payload, is_for_pages=True)
RELEASE = Route(name="snippet_release", methods=READING, handler=snippet.release, is_for_pages=True)
FRAGMENT = Route(name="fragment", methods=READING, handler=fragment.fragment, is_for_pages=True)
BELOW = (
    (f"{ofrep.PREFIX}/", EVALUATE_ONE),
    (f"{payload.PREFIX}/", PAYLOAD),
    (snippet.RELEASE_PREFIX, RELEASE),
    (f"{fragment.PREFIX}/", FRAGMENT),
)


class Edge:
    """Answers the hot paths itself and hands every other request to Django."""

    def __init__(
        self, django_app: WSGIApp, store: SnapshotStore, *, request_ids: RequestIds = NO_IDS
    ) -> None:
        self._django_app = django_app
        self._store = store
        self._request_ids = request_ids

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = path_of(environ)
        route = route_of(path)
        if route is None:
            return self._django_app(environ, start_response)
        request = Request(
            method=environ["REQUEST_METHOD"],
            path=path,
            query=environ.get("QUERY_STRING", ""),
            environ=environ,
        )
        request_id = self._request_ids.new(request.header("x-request-id"))
        self._request_ids.set(request_id)
        response = completed(answer(request, route, self._store), route)
        return send(
            response, start_response, with_body=request.method != "HEAD", request_id=request_id
        )


def answer(request: Request, route: Route, store: SnapshotStore) -> Response:
    """Return the answer of a route, and count it; `completed` has its last headers.

    Raises:
        WouldWaitError: If it needs the database, and this thread may not wait for it.
    """
    began = perf_counter()
    response = _answer(request, route, store)
    prometheus.count_request(route.name, response.status, perf_counter() - began)
    return response


def completed(response: Response, route: Route | None) -> Response:
    """Return the answer with the headers of its route; of Django's if that is None."""
    if response.is_complete:
        return response
    is_for_pages = route is not None and route.is_for_pages
    return response.completed(*(CORS_HEADERS if is_for_pages else TRANSPORT_HEADERS))


def _answer(request: Request, route: Route, store: SnapshotStore) -> Response:
    if request.method not in route.methods:
        return _other_method(request, route)
    try:
        return route.handler(request, store)
    except RefusedError as error:
        return refusal(error)
    except WouldWaitError:
        raise
    except Error:
        logger.exception("%s: the database did not answer", request.path)
        return error_response(503, "the database does not answer", RETRY_AFTER)
    except Exception:
        # The page that asks keeps its own content and must be able to read this.
        logger.exception("%s: a fault of ours", request.path)
        return error_response(500, "the service failed; its log says why")
    finally:
        if route.asks_database:
            close_old_connections()


def route_of(path: str) -> Route | None:
    """Return the route of a decoded path; None for Django's."""
    route = ROUTES.get(path)
    if route is not None:
        return route
    for prefix, route in BELOW:
        if path.startswith(prefix):
            return route
    return None


def _other_method(request: Request, route: Route) -> Response:
    if request.method == "OPTIONS" and route.is_for_pages:
        return Response(status=204, headers=PREFLIGHT_HEADERS)
    allowed = (*route.methods, "OPTIONS") if route.is_for_pages else route.methods
    return empty_response(405, ("Allow", ", ".join(allowed)))
