"""OpenTelemetry traces, sent to `OTEL_EXPORTER_OTLP_ENDPOINT`.

Spans are of requests that Django answers, of tasks, and of calls of the scoring service. They carry
routes, names and statuses: no addresses, texts or ids of people. The hot path has none.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from celery import signals
from django.http import HttpRequest, HttpResponse
from opentelemetry import context, propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

from ctaopt.observability.request_ids import WSGIApp, request_id

NAME = "ctaopt"
REQUEST_ID = "ctaopt.request_id"
# In queues; never rename.
CARRIER = "ctaopt_trace"
SERVER_FAULT = 500

GetResponse = Callable[[HttpRequest], HttpResponse]


@cache
def tracer() -> Tracer:
    """Return the process's tracer; its sender starts with the first span, after any fork."""
    named = {"service.name": os.environ.get("OTEL_SERVICE_NAME", NAME)}
    provider = TracerProvider(resource=Resource.create(named))
    # The address and all else come from the standard's environment variables.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.get_tracer(NAME)


class TracingMiddleware:
    """A span for each request, named after its route."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        method = request.method or ""
        with tracer().start_as_current_span(
            method,
            context=propagate.extract(request.headers),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, REQUEST_ID: request_id.get()},
        ) as span:
            response = self._get_response(request)
            route = getattr(request.resolver_match, "route", "")
            span.update_name(f"{method} /{route}".strip())
            span.set_attribute("http.route", f"/{route}")
            _end_of_answer(span, response.status_code)
            return response


def traced(app: WSGIApp) -> WSGIApp:
    """Return a WSGI application with a span for each request, named after its path."""

    def application(environ: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
        carrier = {"traceparent": environ.get("HTTP_TRACEPARENT", "")}
        with tracer().start_as_current_span(
            f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}",
            context=propagate.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={REQUEST_ID: request_id.get()},
        ) as span:

            def starting(status: str, *rest: Any) -> Any:
                _end_of_answer(span, int(status[:3]))
                return start_response(status, *rest)

            return app(environ, starting)

    return application


def _end_of_answer(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= SERVER_FAULT:
        span.set_status(StatusCode.ERROR)


class TaskTraces:
    """Spans of tasks, children of the spans that sent them."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Span, Any]] = {}

    def connect(self) -> None:
        signals.before_task_publish.connect(self.hand_on)
        signals.task_prerun.connect(self.begin)
        signals.task_postrun.connect(self.end)

    def hand_on(self, headers: dict[str, Any] | None = None, **_: Any) -> None:
        if headers is not None:
            carrier: dict[str, str] = {}
            propagate.inject(carrier)
            headers[CARRIER] = carrier

    def begin(self, task_id: str = "", task: Any = None, **_: Any) -> None:
        carrier: Mapping[str, str] = task.request.get(CARRIER) or {}
        parent = propagate.extract(carrier) if carrier else None
        span = tracer().start_span(
            task.name,
            context=parent,
            kind=SpanKind.CONSUMER,
            attributes={REQUEST_ID: task.request.get("ctaopt_request_id") or task_id},
        )
        self._open[task_id] = span, context.attach(trace.set_span_in_context(span))

    def end(
        self, task_id: str = "", state: str | None = None, retval: Any = None, **_: Any
    ) -> None:
        opened = self._open.pop(task_id, None)
        if opened is None:
            return
        span, token = opened
        if state != "SUCCESS":
            # Its kind only: texts of errors may name people.
            span.set_attribute("error.type", type(retval).__name__)
            span.set_status(StatusCode.ERROR)
        span.end()
        context.detach(token)
