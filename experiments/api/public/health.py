"""Liveness and readiness of the service: /healthz and /readyz."""

from experiments.api.public.http import Request, Response, json_response
from experiments.selectors import serving
from experiments.services.serving.snapshot_store import SnapshotStore


def healthz(_: Request, __: SnapshotStore) -> Response:
    """GET /healthz: asked of a process, not of the service, so nothing else is looked at."""
    return json_response(200, {"status": "ok"})


def readyz(_: Request, store: SnapshotStore) -> Response:
    """GET /readyz: the database answers now, even if the snapshot could still serve."""
    revision = serving.config_revision()
    store.current()
    return json_response(200, {"status": "ok", "revision": revision})
