"""Liveness and readiness of the service: /healthz and /readyz."""

import threading
from time import monotonic
from typing import Any
from urllib.parse import parse_qs

from django.utils import timezone

from experiments.api.public.http import RefusedError, Request, Response, json_response
from experiments.selectors import serving
from experiments.services.monitoring.readiness import Check, all_checks, unapplied_migrations
from experiments.services.serving.snapshot_store import SnapshotStore

# Whoever asks for all checks needs no key: they are made once in this time.
CHECKS_KEPT_S = 2.0
RETRY_AFTER = ("Retry-After", "5")


def healthz(_: Request, __: SnapshotStore) -> Response:
    """GET /healthz: asked of a process, not of the service, so nothing else is looked at."""
    return json_response(200, {"status": "ok"})


def readyz(request: Request, store: SnapshotStore) -> Response:
    """GET /readyz: the database answers now, even if the snapshot could still serve.

    With `?verbose` the answer has every check. Its status is the same: a full disk or a dead worker
    should not take every web process out of a balancer.
    """
    if "verbose" in parse_qs(request.query, keep_blank_values=True):
        return _answer.response(store)
    _refuse_without_migrations()
    revision = serving.config_revision()
    store.current()
    return json_response(200, {"status": "ok", "revision": revision})


def _refuse_without_migrations() -> None:
    n_unapplied = unapplied_migrations()
    if n_unapplied:
        details = f"the database lacks {n_unapplied} migrations: run manage.py migrate"
        raise RefusedError(503, code="GENERAL", details=details, headers=(RETRY_AFTER,))


# Without these a web process is of no use.
BLOCKERS = frozenset({"migrations", "snapshot"})


class VerboseAnswer:
    """The answer with all checks, made by one request at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made_at = float("-inf")
        self._response: Response | None = None

    def response(self, store: SnapshotStore) -> Response:
        with self._lock:
            if self._response is None or monotonic() - self._made_at > CHECKS_KEPT_S:
                self._response = _response(store)
                self._made_at = monotonic()
            return self._response


_answer = VerboseAnswer()


def _response(store: SnapshotStore) -> Response:
    checks = all_checks(now=timezone.now(), snapshot_age_s=store.age_s())
    blocked = [check for check in checks if check.name in BLOCKERS and _blocks(check)]
    status = "failing" if blocked else "ok" if all(check.is_ok for check in checks) else "degraded"
    content = {"status": status, "checks": [_content(check) for check in checks]}
    headers = (RETRY_AFTER,) if blocked else ()
    return json_response(503 if blocked else 200, content, *headers)


def _blocks(check: Check) -> bool:
    # An old snapshot still serves; the missing migrations or database that made it old do not.
    return not check.is_ok and not (check.name == "snapshot" and check.figures)


def _content(check: Check) -> dict[str, Any]:
    problem = {} if check.is_ok else {"problem": check.problem}
    return {"name": check.name, "ok": check.is_ok, **problem, **check.figures}
