"""The WSGI callable in front of Django: serving and events, with no middleware in between."""

import logging
from collections.abc import Callable, Iterable

from django.db import DatabaseError, close_old_connections

from experiments.api.public import events, health, ofrep, snippet
from experiments.api.public.access import RefusedError, with_cors
from experiments.api.public.http import (
    PREFLIGHT_HEADERS,
    BodyTooLargeError,
    Environ,
    Request,
    Response,
    StartResponse,
    WSGIApp,
    json_response,
    send,
)
from experiments.services.snapshot import Snapshot, SnapshotStore

logger = logging.getLogger(__name__)

# Asked of a process, not of the service: nothing else is looked at.
ALIVE = json_response(200, {"status": "ok"})

Handler = Callable[[Request, Snapshot], Response]

ROUTES: dict[str, tuple[str, Handler]] = {
    ofrep.PREFIX: ("POST", ofrep.evaluate_all),
    events.PATH: ("POST", events.receive),
    snippet.PATH: ("GET", snippet.snippet),
    "/readyz": ("GET", health.readyz),
}


class Edge:
    """Answers the hot paths itself and hands every other request to Django."""

    def __init__(self, django_app: WSGIApp, store: SnapshotStore) -> None:
        self._django_app = django_app
        self._store = store

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/healthz":
            return send(ALIVE, start_response)
        route = ROUTES.get(path)
        if route is None and path.startswith(ofrep.PREFIX + "/"):
            route = ("POST", ofrep.evaluate_one)
        if route is None:
            return self._django_app(environ, start_response)
        request = Request(
            method=environ["REQUEST_METHOD"],
            path=path,
            query=environ.get("QUERY_STRING", ""),
            environ=environ,
        )
        return send(with_cors(request, self._answer(request, *route)), start_response)

    def _answer(self, request: Request, method: str, handler: Handler) -> Response:
        if request.method == "OPTIONS":
            return Response(status=204, headers=PREFLIGHT_HEADERS)
        if request.method not in (method, "HEAD" if method == "GET" else method):
            return Response(status=405, headers=(("Allow", f"{method}, OPTIONS"),))
        try:
            return handler(request, self._store.current())
        except RefusedError as error:
            return Response(status=error.status)
        except BodyTooLargeError:
            return json_response(413, {"error": "the body is too large"})
        except DatabaseError:
            logger.exception("%s: the database did not answer", request.path)
            body = {"error": "the database does not answer"}
            return json_response(503, body, ("Retry-After", "5"))
        finally:
            close_old_connections()
