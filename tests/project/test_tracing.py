"""Traces as a collector gets them: a receiver in this process, the service in another."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.databases import migrated_sqlite

WORLD = """
from ctaopt.wsgi import application
from tests import factories
from tests.wsgi_client import WSGIClient
from ctaopt.celery import app
from opentelemetry import trace
from ctaopt.observability.tracing import tracer
from experiments import tasks

key = factories.make_server_key(factories.make_site())
client = WSGIClient(application, key=key)
"""
REQUESTS = (
    WORLD
    + """
parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
headers = {"X-Request-ID": "r-1", "traceparent": parent}
client.get("/api/v1/visitors/jean.dupont/", headers=headers)
wordings = {"wordings": ["Start"], "control": "Go", "locale": "en"}
client.post("/api/v1/rankings/", wordings, headers={"X-Request-ID": "r-2"})
client.post("/ofrep/v1/evaluate/flags", {"context": {"targetingKey": "v-1"}})
trace.get_tracer_provider().force_flush()
"""
)
TASKS = (
    WORLD
    + """
from celery import signals
from celery.contrib.testing.worker import start_worker
from ctaopt.observability.request_ids import request_id
app.conf.task_always_eager = False
app.conf.broker_url = "memory://"
import threading
ended = threading.Event()
signals.task_postrun.connect(lambda **_: ended.set(), weak=False)
with start_worker(app, perform_ping_check=False, pool="solo", concurrency=1):
    request_id.set("r-3")
    with tracer().start_as_current_span("asking"):
        tasks.do_job.delay(17)
    assert ended.wait(30)
trace.get_tracer_provider().force_flush()
"""
)


@pytest.fixture
def collector():
    """An OTLP receiver on a free port; its spans are in `spans`."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/traces"
            request = ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    self.server.spans += scope.spans
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.spans = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(collector, pytestconfig, tmp_path):
    def spans(program, **variables):
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "ctaopt.settings.test",
            "CTAOPT_DATA_DIR": str(tmp_path),
            "DATABASE_URL": migrated_sqlite(tmp_path / "test.sqlite3"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
            **variables,
        }
        command = [sys.executable, "-c", program]
        result = subprocess.run(
            command,
            cwd=pytestconfig.rootpath,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return {span.name: span for span in collector.spans}

    return spans


def attributes(span):
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def test_requests_and_calls_of_the_scoring_service_have_spans(run):
    spans = run(REQUESTS)
    visitor = spans["GET /api/v1/visitors/<path:visitor>/"]
    assert visitor.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert visitor.parent_span_id.hex() == "b7ad6b7169203331"
    assert attributes(visitor) == {
        "http.request.method": "GET",
        "http.route": "/api/v1/visitors/<path:visitor>/",
        "http.response.status_code": 404,
        "ctaopt.request_id": "r-1",
    }
    ranking, call = spans["POST /api/v1/rankings/"], spans["POST /score"]
    assert (call.trace_id, call.parent_span_id) == (ranking.trace_id, ranking.span_id)
    assert call.status.code == 2  # nobody answers there
    assert "jean.dupont" not in str(spans)
    # The hot path has none.
    assert not [name for name in spans if "ofrep" in name]


def test_task_belongs_to_the_trace_and_the_request_that_sent_it(run):
    spans = run(TASKS)
    task, asking = spans["experiments.tasks.do_job"], spans["asking"]
    assert (task.trace_id, task.parent_span_id) == (asking.trace_id, asking.span_id)
    assert attributes(task) == {"ctaopt.request_id": "r-3"}


OFF = """
import sys
from ctaopt.wsgi import application
# The Redis client loads the part for metrics.
unwanted = ("opentelemetry.sdk.trace", "opentelemetry.exporter")
assert not [name for name in sys.modules if name.startswith(unwanted)]
from django.conf import settings
assert not [name for name in settings.MIDDLEWARE if "tracing" in name]
"""


def test_nothing_of_it_is_loaded_without_an_address(run):
    assert run(OFF, OTEL_EXPORTER_OTLP_ENDPOINT="") == {}
