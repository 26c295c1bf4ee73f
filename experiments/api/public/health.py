"""GET /readyz: the service can serve and store."""

from experiments.api.public.http import Request, Response, json_response
from experiments.services.snapshot import Snapshot


def readyz(_: Request, snapshot: Snapshot) -> Response:
    """Reached only with a snapshot: the database has answered."""
    return json_response(200, {"status": "ok", "revision": snapshot.revision})
