"""OpenAPI description of the routes that are answered before Django: evaluation, events, snippet.

Their handlers have no serializers to derive it from: it is written here, and the tests send what it
allows to the handlers and compare what they answer.
"""

from typing import Any

import msgspec
from django.conf import settings

from experiments.event_schema.messages import Batch
from experiments.services.events.ingestion import MAX_EVENTS

Json = dict[str, Any]

EVALUATION, EVENTS, PAGES, HEALTH = "Evaluation", "Events", "Pages", "Health"
KEYS: list[Json] = [
    {"ServerKey": []},
    {"ServerKeyHeader": []},
    {"ClientKey": []},
    {"ClientKeyHeader": []},
]
NOBODY: list[Json] = []
TEXT: Json = {"type": "string"}
ANYTHING: Json = {"type": "object", "additionalProperties": {}}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _said(description: str, schema: Json | None = None, kind: str = "application/json") -> Json:
    """Return a response; without a schema it has no body."""
    content = {} if schema is None else {"content": {kind: {"schema": schema}}}
    return {"description": description, **content}


ERROR = _ref("ServingError")
REFUSED: Json = {
    "400": _said("The request cannot be used.", ERROR),
    "401": _said("No key, or one that opens nothing: WWW-Authenticate says why."),
    "403": _said("Another origin, or a key without the scope: WWW-Authenticate names it."),
    "429": _said("Too many requests with this key: see Retry-After.", ERROR),
    "500": _said("A fault of ours; the log has its reason.", ERROR),
    "503": _said("The service cannot answer now: see Retry-After.", ERROR),
}
REFUSED_BODY: Json = {
    "413": _said("The body is too large.", ERROR),
    "415": _said("Not JSON, or compressed.", ERROR),
}
SILENT: Json = {name: REFUSED[name] for name in ("500", "503")}
UNCHANGED: Json = {"304": _said("The client has this version (If-None-Match).")}
CONTEXT: Json = {
    "type": "object",
    "required": ["targetingKey"],
    "properties": {
        "targetingKey": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "description": "The visitor: no control characters.",
        },
        "locale": {"type": "string", "description": "Language of the page, such as fr or fr-CA."},
    },
    "additionalProperties": {},
}
QUESTION: Json = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["context"],
                "properties": {"context": CONTEXT},
            }
        }
    },
}
BATCH: Json = {
    "required": True,
    "content": {
        # sendBeacon sends text/plain: a page needs no preflight for it.
        kind: {"schema": _ref("EventBatch")}
        for kind in ("application/json", "text/plain")
    },
}


def _query(name: str, description: str, **schema: Any) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": TEXT | schema}


def _path(name: str, description: str) -> Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "minLength": 1},
    }


def _operation(tag: str, summary: str, name: str, responses: Json, **members: Any) -> Json:
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "security": KEYS,
        "responses": responses,
        **members,
    }


def public_paths() -> Json:
    """Return the paths of the serving, event, page and health routes."""
    return {
        **_evaluation(),
        **_configuration(),
        **_events(),
        **_fragment(),
        **_snippet(),
        **_health(),
    }


def _evaluation() -> Json:
    one = {"200": _said("The CTA for this visitor.", _ref("Flag"))}
    unknown = {"404": _said("No such slot.", ERROR)}
    every = {"200": _said("The CTA of every slot.", _ref("Flags"))}
    return {
        "/ofrep/v1/evaluate/flags/{slot}": {
            "post": _operation(
                EVALUATION,
                "Evaluate one slot for a visitor (OFREP)",
                "ofrep_evaluate_one",
                {**one, **REFUSED, **unknown, **REFUSED_BODY},
                requestBody=QUESTION,
                parameters=[_path("slot", "Key of the slot.")],
            ),
        },
        "/ofrep/v1/evaluate/flags": {
            "post": _operation(
                EVALUATION,
                "Evaluate every slot of the site for a visitor (OFREP)",
                "ofrep_evaluate_all",
                {**every, **UNCHANGED, **REFUSED, **REFUSED_BODY},
                requestBody=QUESTION,
            )
        },
    }


def _configuration() -> Json:
    stream = {"200": _said("Server-sent events.", TEXT, "text/event-stream")}
    return {
        "/ofrep/v1/stream": {
            "get": _operation(
                EVALUATION,
                "Hear of changes, to evaluate again",
                "ofrep_stream",
                {**stream, **{name: REFUSED[name] for name in ("401", "403", "429", "503")}},
                parameters=[_query("key", "Client key, for EventSource.")],
                # A process of its own, which a site's proxy puts beside the others.
                **({"servers": [_stream_server()]} if settings.CTAOPT_STREAM_URL else {}),
            ),
        },
        "/api/features/{client_key}": {
            "get": _operation(
                EVALUATION,
                "Configuration of the site for GrowthBook's SDKs and for CDNs",
                "features",
                {
                    "200": _said("The payload.", ANYTHING),
                    **UNCHANGED,
                    "404": _said("No site has this client key.", ERROR),
                    **SILENT,
                },
                security=NOBODY,
                parameters=[_path("client_key", "Client key of the site.")],
            ),
        },
    }


def _stream_server() -> Json:
    return {"url": settings.CTAOPT_STREAM_URL.removesuffix("/ofrep/v1/stream")}


def _events() -> Json:
    return {
        "/api/v1/events": {
            "post": _operation(
                EVENTS,
                "Send exposures, clicks and conversions",
                "events",
                {"202": _said("Stored for good.", _ref("Receipt")), **REFUSED, **REFUSED_BODY},
                parameters=[_query("key", "Client key, for sendBeacon.")],
                requestBody=BATCH,
            )
        }
    }


def _fragment() -> Json:
    comment = "A comment in HTML, which shows nothing."
    refused = {name: _said(comment, TEXT, "text/html") for name in ("400", "401", "403", "404")}
    return {
        "/fragment/{slot}": {
            "get": _operation(
                PAGES,
                "One CTA as HTML, for server-side includes",
                "fragment",
                {
                    "200": _said("The element.", TEXT, "text/html"),
                    **refused,
                    "429": _said(comment, TEXT, "text/html"),
                    **SILENT,
                },
                parameters=[
                    _path("slot", "Key of the slot."),
                    _query("key", "Client key of the site."),
                    _query("visitor", "The visitor, if the page knows them.", maxLength=200),
                    _query("consent", "granted: a cookie may be set.", enum=["granted", "denied"]),
                    _query("locale", "Language of the page."),
                    _query("tag", "Element to write.", enum=["a", "button", "span"]),
                ],
            ),
        },
    }


def _snippet() -> Json:
    script = _said("The script.", TEXT, "text/javascript")
    return {
        "/cta.js": {
            "get": _operation(
                PAGES,
                "The newest snippet",
                "snippet",
                {"200": script, **UNCHANGED, **SILENT},
                security=NOBODY,
            )
        },
        "/cta-{version}.js": {
            "get": _operation(
                PAGES,
                "A released snippet, which never changes",
                "snippet_release",
                {"200": script, **UNCHANGED, "404": _said("No such version.", ERROR), **SILENT},
                security=NOBODY,
                parameters=[
                    _path(
                        "version", "Released version, such as 0.2.0; of its second file more-0.2.0."
                    )
                ],
            ),
        },
    }


def _health() -> Json:
    metrics = {"200": _said("Prometheus's text.", TEXT, "text/plain"), **SILENT}
    status = {"200": _said("It answers.", ANYTHING), **SILENT}
    routes = {
        "/healthz": ("healthz", "The process answers", status),
        "/readyz": ("readyz", "The service can work", status),
        "/metrics": ("metrics", "Metrics for Prometheus", metrics),
    }
    return {
        path: {"get": _operation(HEALTH, summary, name, responses, security=NOBODY)}
        for path, (name, summary, responses) in routes.items()
    }


def public_schemas() -> Json:
    """Return the shapes that the public routes name; those of events come from their types."""
    _, events = msgspec.json.schema_components([Batch], ref_template="#/components/schemas/{name}")
    batch = events.pop("Batch")
    batch["properties"]["events"] |= {"maxItems": MAX_EVENTS}
    return {**events, "EventBatch": batch, **_answers()}


def _answers() -> Json:
    return {
        "Receipt": {
            "type": "object",
            "required": ["accepted", "duplicates", "rejected"],
            "properties": {
                "accepted": {"type": "integer"},
                "duplicates": {"type": "integer"},
                "rejected": {"type": "array", "items": ANYTHING},
            },
        },
        "ServingError": {
            "type": "object",
            "required": ["errorCode", "errorDetails"],
            "properties": {"key": TEXT, "errorCode": TEXT, "errorDetails": TEXT},
        },
        "Flag": {
            "type": "object",
            "required": ["key", "reason", "variant", "value", "metadata"],
            "properties": {
                "key": TEXT,
                "reason": TEXT,
                "variant": TEXT,
                "value": ANYTHING,
                "metadata": ANYTHING,
            },
        },
        "Flags": {
            "type": "object",
            "required": ["flags", "metadata"],
            "properties": {
                "flags": {"type": "array", "items": {"anyOf": [_ref("Flag"), ERROR]}},
                "eventStreams": {"type": "array", "items": ANYTHING},
                "metadata": ANYTHING,
            },
        },
    }
