"""Completion of the OpenAPI document: refusals, tags, links, and the routes before Django."""

import re
from typing import Any

from django.urls import resolve
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension

from experiments.api.v1.contract.problems import PROBLEM
from experiments.api.v1.contract.public_routes import public_paths, public_schemas
from experiments.api.v1.contract.versions import DEPRECATED, PREFIX, VERSION

Json = dict[str, Any]

METHODS = frozenset({"get", "post", "put", "patch", "delete"})
TAGS = {
    "experiments": "Experiments",
    "frozen-reports": "Experiments",
    "share-links": "Experiments",
    "sites": "Catalogue",
    "namespaces": "Catalogue",
    "slots": "Catalogue",
    "ctas": "Catalogue",
    "audiences": "Catalogue",
    "analyze": "Analysis",
    "past-tests": "Analysis",
    "learnings": "Analysis",
    "principles": "Analysis",
    "rankings": "Analysis",
    "holdout": "Experiments",
    "visitors": "Visitors",
    "": "Catalogue",
}
SENTENCES = {
    "400": "The request cannot be used: field, errors or reasons say which part.",
    "401": "No key and no session, or a key that opens nothing.",
    "403": "The key lacks the scope, or the person the role.",
    "404": "Not there, or of another site.",
    "406": "The header Accept takes no JSON.",
    "409": "Not possible in the present state, or its key or name is taken: existing.",
    "411": "A body in chunks whose end nobody promises.",
    "412": "It has changed: If-Match names another state than it is in.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "429": "Too many requests: see Retry-After.",
    "500": "A fault of ours; the log has its reason.",
    "503": "Busy, or the database is silent: see Retry-After.",
}
OF_ALL = ("400", "401", "403", "406", "429", "500", "503")
OF_BODIES = ("411", "413", "415")
# One of these, not all of them.
CHANGES = frozenset({"post", "patch", "delete"})
CATALOGUE = ("sites", "ctas", "audiences", "namespaces", "slots", "experiments")
EDITED = tuple(f"/api/v1/{name}/" for name in CATALOGUE)
# Routes whose body or query names what may not be there.
NAMING = frozenset({"frozen-reports", "holdout", "learnings", "rankings"})
# Further routes that the present state may refuse.
IN_A_STATE = (f"{PREFIX}frozen-reports/", f"{PREFIX}share-links/{{id}}/")
ETAG: Json = {
    "description": "State of the row, for If-Match.",
    "schema": {"type": "string"},
}
IF_MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "description": "ETag of the state that was read: another one is answered 412.",
    "schema": {"type": "string"},
}
CALLERS: list[Json] = [{"ServerKey": []}, {"ServerKeyHeader": []}, {"cookieAuth": []}]
SCHEMES: Json = {
    "ClientKey": {"type": "http", "scheme": "bearer", "description": "Publishable key of a site."},
    "ClientKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


class ServerKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The two headers that take a server key."""

    target_class = "experiments.api.v1.authentication.ServerKeyAuthentication"
    name = ["ServerKey", "ServerKeyHeader"]  # noqa: RUF012  the base class has it so

    def get_security_definition(self, auto_schema: object) -> list[Json]:
        return [
            {"type": "http", "scheme": "bearer", "description": "Secret key of a site."},
            {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        ]


class StrictSerializerShape(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Shapes of requests: no other field is taken."""

    target_class = "experiments.api.v1.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> Json:
        shape: Json = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**shape, "additionalProperties": False}


def complete(result: Json, **_: Any) -> Json:
    """Return the document with all that drf-spectacular cannot know; one of its hooks."""
    for path, item in result["paths"].items():
        if path.startswith(PREFIX):
            for method in METHODS & set(item):
                _complete_operation(path, method, item[method])
    result["paths"][PREFIX] = {"get": _root()}
    _complete_operation(PREFIX, "get", result["paths"][PREFIX]["get"])
    result["paths"] |= public_paths()
    components = result["components"]
    components["schemas"] |= {"Problem": _problem(), **public_schemas()}
    components["securitySchemes"] |= SCHEMES
    _link(result["paths"])
    result["info"]["version"] = VERSION
    return result


def _complete_operation(path: str, method: str, operation: Json) -> None:
    first = path.removeprefix(PREFIX).split("/")[0]
    operation["tags"] = [TAGS[first]]
    operation["security"] = CALLERS
    summary = operation.get("description", "").split("\n")[0]
    operation["summary"] = re.split(r"[.;](\s|$)", summary)[0] or operation["operationId"]
    if _route_name(path) in DEPRECATED:
        operation["deprecated"] = True
    problem = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    if method in CHANGES and path.startswith(EDITED):
        _add_editing(path, method, operation)
    for status in _statuses(path, method):
        said = operation["responses"].get(status, {"description": SENTENCES[status]})
        operation["responses"][status] = {**said, "content": problem}


def _statuses(path: str, method: str) -> tuple[str, ...]:
    """Return the refusals that a route may answer with."""
    statuses: tuple[str, ...] = OF_ALL
    if "{" in path or path.split("/")[3] in NAMING:
        statuses = (*statuses, "404")
    if method != "get":
        statuses = (*statuses, *OF_BODIES)
    if method in CHANGES and path.startswith(EDITED):
        statuses = (*statuses, "409", "412") if "{" in path else (*statuses, "409")
    if method in CHANGES and path in IN_A_STATE:
        statuses = (*statuses, "409")
    return statuses


def _add_editing(path: str, method: str, operation: Json) -> None:
    """Add what a change of a row takes and answers: its state, by ETag and If-Match."""
    if "{" in path:
        operation["parameters"] = [*operation.get("parameters", ()), IF_MATCH]
    for status in {"200", "201"} & set(operation["responses"]):
        operation["responses"][status]["headers"] = {"ETag": ETAG}
    if "201" in operation["responses"]:
        location = {"description": "Address of the row.", "schema": {"type": "string"}}
        operation["responses"]["201"]["headers"]["Location"] = location


def _route_name(path: str) -> str:
    """Return the name of the route in the table of deprecations: `slot-list`."""
    return resolve(re.sub(r"\{\w+\}", "1", path)).url_name or ""


def _root() -> Json:
    addresses = {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}
    return {
        "operationId": "v1_root",
        "description": "Addresses of the lists.",
        "responses": {
            "200": {
                "description": "Addresses by name.",
                "content": {"application/json": {"schema": addresses}},
            }
        },
    }


def _problem() -> Json:
    sentences = {"type": "array", "items": {"type": "string"}}
    return {
        "type": "object",
        "description": "The body of every refusal (RFC 9457).",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "enum": ["about:blank"]},
            "title": {"type": "string", "description": "The status in words."},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "One sentence for people."},
            "field": {"type": "string", "description": "The first field at fault."},
            "errors": {
                "type": "object",
                "description": "Sentences by field; inside another it is steps.0.coverage.",
                "additionalProperties": sentences,
            },
            "reasons": sentences,
            "existing": {
                "type": "object",
                "description": "What has the key or name already.",
                "additionalProperties": {},
            },
        },
        "additionalProperties": False,
    }


NAMED_BY_KEY = ("experiments", "sites")


def _link(paths: Json) -> None:
    """Link each list to its rows, and each experiment to what is read of it."""
    for name in CATALOGUE:
        row = "key" if name in NAMED_BY_KEY else "id"
        links = {
            f"first_{name}": {
                "operationId": f"v1_{name}_retrieve",
                "parameters": {row: f"$response.body#/results/0/{row}"},
            }
        }
        paths[f"{PREFIX}{name}/"]["get"]["responses"]["200"]["links"] = links
    reads = ("report", "readiness", "previews", "history")
    steps = ("traffic", "schedule", "start", "pause", "resume", "stop", "archive")
    operations = [f"v1_experiments_{one}_retrieve" for one in reads]
    operations += [f"v1_experiments_{one}_create" for one in steps]
    links = {
        name: {"operationId": name, "parameters": {"key": "$response.body#/key"}}
        for name in operations
    }
    row = f"{PREFIX}experiments/{{key}}/"
    paths[row]["get"]["responses"]["200"]["links"] = links
    for step in steps:
        paths[f"{row}{step}/"]["post"]["responses"]["200"]["links"] = links
    asked = paths[f"{PREFIX}rankings/"]["post"]["responses"]
    for status in {"200", "202"} & set(asked):
        parameters = {"id": "$response.body#/id"}
        asked[status]["links"] = {
            "ranking": {"operationId": "v1_rankings_retrieve", "parameters": parameters}
        }
