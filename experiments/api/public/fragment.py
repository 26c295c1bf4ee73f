"""GET /fragment/{slot}: one CTA as HTML, for sites that put their pages together on a server."""

from datetime import timedelta
from http.cookies import CookieError, SimpleCookie
from time import perf_counter
from urllib.parse import parse_qs

from django.utils.html import format_html
from uuid6 import uuid7

from ctaopt_django.html import TAGS, filled_cta
from experiments.api.public.access import admit, asker_of
from experiments.api.public.http import RefusedError, Request, Response
from experiments.api.public.ofrep import Context, flag_of, is_identifier, rate_limit
from experiments.api.public.page_context import MAX_PARAMETERS, with_page
from experiments.event_schema.visitor_ids import visitor_fault_text
from experiments.services.serving.arm_assignment import MEASURED
from experiments.services.serving.snapshot_store import SnapshotStore

PREFIX = "/fragment"
# Never a cache's: it would give one visitor's arm to everybody.
HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "private, no-store"),
    ("Vary", "Cookie, Sec-GPC, DNT"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Robots-Tag", "noindex"),
)
# In browsers; never rename.
COOKIE = "ctaopt_visitor"
COOKIE_AGE = timedelta(days=180)
NOBODY = "-"


def fragment(request: Request, store: SnapshotStore) -> Response:
    """Answer with the element; what went wrong stands in a comment, which shows nothing."""
    try:
        return _fragment(request, store)
    except RefusedError as error:
        return _comment(error.status, str(error.details), *error.headers)


def _fragment(request: Request, store: SnapshotStore) -> Response:
    snapshot, query = store.current(), _query(request)
    asker = asker_of(request, snapshot, client_key=query.get("key", ""))
    admit(request, asker, rate_limit, now=perf_counter())
    visitor, cookie = _visitor(request, query)
    flag = flag_of(
        asker.site, request.path[len(PREFIX) + 1 :], _context(query, visitor), snapshot.revision
    ).content
    if "errorDetails" in flag:
        # Without a CTA there is nothing here, whatever the reason.
        return _comment(404, flag["errorDetails"])
    attributes = {"class": query.get("class", "")}
    if query.get("style") == "none":
        attributes["style"] = "none"
    html = filled_cta(flag, attributes=attributes, tag=_tag(query))
    return Response(status=200, body=html.encode(), headers=(*HEADERS, *cookie))


def _query(request: Request) -> dict[str, str]:
    try:
        query = parse_qs(request.query, max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise RefusedError(400, details="too many parameters") from error
    return {name: values[0] for name, values in query.items()}


def _tag(query: dict[str, str]) -> str:
    tag = query.get("tag", "")
    if tag and tag not in TAGS:
        raise RefusedError(400, details=f"tag: one of {', '.join(sorted(TAGS))}")
    return tag


def _context(query: dict[str, str], visitor: str | None) -> Context:
    context: Context = {
        name: query[name] for name in ("locale", "url", "referrer", "device") if name in query
    }
    if visitor is None:
        return context | {"targetingKey": NOBODY, MEASURED: False}
    return with_page(context | {"targetingKey": visitor})


def _visitor(
    request: Request, query: dict[str, str]
) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    """Return who asks, if that may be known, and the cookie that keeps a new id."""
    visitor = query.get("visitor")
    if visitor:
        if not is_identifier(visitor):
            raise RefusedError(400, details="visitor: at most 200 characters, none of control")
        if fault := visitor_fault_text(visitor):
            raise RefusedError(400, details=f"visitor: {fault}")
        return visitor, ()
    has_objection = request.header("sec-gpc") == "1" or request.header("dnt") == "1"
    if query.get("consent") != "granted" or has_objection:
        return None, ()
    stored_id = _cookie(request)
    if stored_id and is_identifier(stored_id) and not visitor_fault_text(stored_id):
        return stored_id, ()
    new_id = uuid7().hex
    return new_id, (("Set-Cookie", _set_cookie(new_id, request)),)


def _cookie(request: Request) -> str:
    try:
        morsel = SimpleCookie(request.header("cookie")).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _set_cookie(visitor: str, request: Request) -> str:
    # Readable by scripts: the snippet counts for the same visitor.
    parts = [f"{COOKIE}={visitor}", "Path=/", f"Max-Age={int(COOKIE_AGE.total_seconds())}"]
    is_secure = "https" in (request.scheme, request.header("x-forwarded-proto"))
    return "; ".join([*parts, "SameSite=Lax", *(["Secure"] if is_secure else [])])


def _comment(status: int, details: str, *headers: tuple[str, str]) -> Response:
    body = format_html("<!-- ctaopt: {} -->", details or status).encode()
    return Response(status=status, body=body, headers=(*HEADERS, *headers))
