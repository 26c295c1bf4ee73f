"""Cost of request ids and of configured traces for an evaluation, beside the bare answer.

Children of this process answer the same OFREP request through the front's own objects, in rounds
of both kinds in turn: with an id and without, and in processes with an address for traces and
without. Medians of the rounds, in microseconds of one core.
"""

import json
import os
import statistics
import subprocess
import sys
from typing import Any

from recording import PROJECT, record

ROUNDS, CALLS, CHILDREN = 25, 400, 3
CHILD = f"""
import json, sys, time
sys.path.insert(0, {str(PROJECT)!r})
from ctaopt.wsgi import application, store
from django.core.management import call_command
call_command("migrate", verbosity=0)
from experiments.api.public.router import Edge
from ctaopt.observability.request_ids import identified
from tests import factories
from tests.wsgi_client import call
import io
experiment = factories.make_running_experiment(factories.make_slot(factories.make_site()))
body = b'{{"context": {{"targetingKey": "v-1"}}}}'
environ = {{
    "REQUEST_METHOD": "POST", "PATH_INFO": "/ofrep/v1/evaluate/flags", "QUERY_STRING": "",
    "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)),
    "HTTP_AUTHORIZATION": "Bearer " + experiment.slot.site.client_key,
    "wsgi.url_scheme": "http",
}}
from django.conf import settings
settings.CTAOPT_SNAPSHOT_MAX_AGE_S = 3600.0
from experiments.services.serving.snapshot_store import SnapshotStore
edge = Edge(lambda *_: [b""], SnapshotStore(max_age_s=3600.0))
kinds = {{"bare": edge, "with_id": identified(edge)}}
times = {{name: [] for name in kinds}}
def start(status, headers, *_):
    assert status.startswith("200"), status
for _ in range({ROUNDS}):
    for name, app in kinds.items():
        began = time.process_time()
        for _ in range({CALLS}):
            app({{**environ, "wsgi.input": io.BytesIO(body)}}, start)
        times[name].append((time.process_time() - began) / {CALLS} * 1e6)
print(json.dumps(times))
"""


def main() -> None:
    runs: dict[str, list[dict[str, list[float]]]] = {"off": [], "on": []}
    for _ in range(CHILDREN):
        for name, address in (("off", ""), ("on", "http://127.0.0.1:4318")):
            runs[name].append(_child(address))
    medians = {
        f"traces_{name}": {
            kind: round(statistics.median(x for run in children for x in run[kind]), 2)
            for kind in ("bare", "with_id")
        }
        for name, children in runs.items()
    }
    off, on = medians["traces_off"], medians["traces_on"]
    record(
        "observability",
        {
            "microseconds_an_evaluation": medians,
            "ratio_with_id": round(off["with_id"] / off["bare"], 3),
            "ratio_traces_configured": round(on["with_id"] / off["with_id"], 3),
        },
    )


def _child(address: str) -> dict[str, Any]:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "ctaopt.settings.test",
        "OTEL_EXPORTER_OTLP_ENDPOINT": address,
        "CTAOPT_RATE_LIMIT_PER_S": "0",
    }
    command = [sys.executable, "-c", CHILD]
    result = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
