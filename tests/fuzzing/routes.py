"""Every route of the service with a request that it takes: of programs, and of people.

Routes of programs are those of the OpenAPI document, routes of people those of Django's resolver:
a new one is asked without being named here.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import quote

from django.urls import get_resolver

from tests import factories
from tests.fuzzing.document import METHODS, Json

# In a process of its own, and without an end: its own tests listen to it.
ELSEWHERE = {"ofrep_stream"}
QUESTION = {"context": {"targetingKey": "v-1", "locale": "fr", "path": "/"}}
CTA: Json = {
    "name": "Buy",
    "destination": "/buy",
    "principles": ["urgency"],
    "tags": ["spring"],
    "wordings": [{"locale": "fr_fr", "text": "Acheter"}, {"locale": "en", "text": "Buy"}],
}
AUDIENCE: Json = {
    "key": "phones",
    "name": "Phones",
    "condition": {"$or": [{"device": {"$in": ["mobile"]}}, {"path": {"$regex": "^/a"}}]},
}
DRAFT: Json = {
    "slot": "hero",
    "audience": None,
    "key": "new",
    "name": "New",
    "coverage": "0.5",
    "variants": [
        {"key": "control", "cta": 1, "share": "0.5"},
        {"key": "b", "cta": 2, "share": "0.5"},
    ],
    "guardrails": [{"metric": "conversion_rate", "goal": "order", "margin": 0.1}],
    "secondary_metrics": [{"metric": "conversion_rate", "goal": "signup"}],
}
# Bodies that do something, by operation; all others are empty.
BODIES: dict[str, Json] = {
    "ofrep_evaluate_one": QUESTION,
    "ofrep_evaluate_all": QUESTION,
    "events": {"events": [factories.event_message()]},
    "v1_analyze_create": {
        "metric": "proportion",
        "method": "fixed",
        "arms": [{"name": "a", "n": 100, "sum": 5}, {"name": "b", "n": 100, "sum": 9}],
    },
    "v1_rankings_create": {"wordings": ["Go", "Start"], "control": "Send", "locale": "en"},
    "v1_experiments_traffic_create": {
        "shares": {"control": "0.5", "b": "0.5"},
        "coverage": "0.5",
        "note": "n",
    },
    "v1_experiments_ramp_create": {"steps": [{"coverage": "0.5"}]},
    "v1_experiments_schedule_create": {"ends_at": "2099-01-01T00:00Z"},
    "v1_experiments_roll_back_create": {"reason": "slow"},
    "v1_experiments_restore_arm_create": {"arm": "b"},
    "v1_sites_partial_update": {"holdout": "0.1", "allowed_origins": ["https://a.example"]},
    "v1_ctas_create": CTA,
    "v1_ctas_partial_update": CTA,
    "v1_audiences_create": AUDIENCE,
    "v1_audiences_partial_update": AUDIENCE,
    "v1_namespaces_create": {"key": "space", "seed": "space", "unit": "company"},
    "v1_slots_create": {"key": "top", "name": "Top", "default_cta": 1},
    "v1_slots_partial_update": {"key": "top", "position": "footer", "default_cta": 1},
    "v1_experiments_create": DRAFT,
    "v1_experiments_partial_update": DRAFT,
}
# Queries of lists that no form has.
LISTS = (
    "/admin/experiments/experiment/?status__exact={any}&q={any}&p={number}",
    "/admin/experiments/cta/?site__id__exact={number}&principle={any}&o={any}",
    "/admin/experiments/audience/?q={any}&site__id__exact={any}",
    "/admin/experiments/serverkey/?q={any}&e={any}",
    "/admin/experiments/experiment/{row_experiment}/traffic/?page={any}",
    "/admin/experiments/site/{row_site}/holdout/?goal={any}&days={number}",
    "/admin/autocomplete/?term={any}&page={number}&app_label=experiments&model_name=cta"
    "&field_name=tags",
    "/admin/search/?s={any}",
    "/admin/experiments/job/rank/?slot={number}&locale={any}",
    "/admin/experiments/learning/shown/?site={any}",
    "/admin/experiments/pasttest/?q={any}&verdict__exact={any}&principle={any}&tag={any}&year={any}",
    "/admin/experiments/historyarm/principles/?locale={any}&audience={any}",
)
POSTED = {
    "/admin/experiments/audience/check/": {
        "condition_mode": "json",
        "condition_json": '{"locale": "fr"}',
        "example": "a=b",
    },
    "/admin/experiments/experiment/": {
        "action": "duplicate",
        "_selected_action": "{row_experiment}",
        "index": "0",
    },
    "/admin/experiments/cta/": {"action": "delete_selected", "_selected_action": "{row_cta}"},
}


class Route(NamedTuple):
    """Method, address with {holes}, and the body: JSON, or the fields of a form."""

    method: str
    address: str
    body: Json | None = None
    is_form: bool = False


def routes_of_programs(document: Json) -> Iterator[Route]:
    """Yield the operations of an OpenAPI document."""
    for path, item in document["paths"].items():
        for method in sorted(METHODS & set(item)):
            operation = item[method]
            name = operation["operationId"]
            if name in ELSEWHERE:
                continue
            asked = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
            query = "&".join(f"{one}={{{one}}}" for one in asked)
            body = BODIES.get(name, {}) if "requestBody" in operation else None
            yield Route(method.upper(), f"{path}?{query}".rstrip("?"), body)


def routes_of_people() -> Iterator[Route]:
    """Yield the pages; `with_forms` adds what they send."""
    for template in _templates(get_resolver().url_patterns):
        if not template.startswith("api/"):
            yield Route("GET", "/" + _with_holes(template))
    yield from (Route("GET", address) for address in LISTS)
    yield from (Route("POST", address, fields, is_form=True) for address, fields in POSTED.items())


def _templates(patterns: list, prefix: str = "") -> Iterator[str]:
    for one in patterns:
        template = prefix + str(one.pattern)
        if hasattr(one, "url_patterns"):
            yield from _templates(one.url_patterns, template)
        else:
            yield template


def _with_holes(template: str) -> str:
    """Return Django's template of an address with the names of known things.

    >>> _with_holes("admin/experiments/cta/<path:object_id>/change/")
    'admin/experiments/cta/{row_cta}/change/'
    """
    model = re.match(r"admin/[a-z]+/([a-z]+)/", template)
    row = f"row_{model.group(1)}" if model else "number"
    template = re.sub(r"\(\?P<app_label>[^)]*\)", "{app_label}", template)
    template = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", template).strip("^$")
    template = re.sub(r"<(?:\w+:)?(?:object_id|pk|id)>", f"{{{row}}}", template)
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", template).replace("^", "").replace("$", "")


class Forms(HTMLParser):
    """The fields that a browser would send of each form that is posted, with their values."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, Json]] = []
        self._fields: Json | None = None
        self._name = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form":
            self._fields = {} if (found.get("method") or "").lower() == "post" else None
            if self._fields is not None:
                self.forms.append((found.get("action") or "", self._fields))
        elif self._fields is not None and tag in {"input", "textarea", "select"}:
            self._name = found.get("name") or ""
            is_off = found.get("type") in {"checkbox", "radio"} and "checked" not in found
            if self._name and not is_off:
                self._fields[self._name] = found.get("value") or ""
        elif self._fields is not None and tag == "option" and "selected" in found:
            self._fields[self._name] = found.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._fields = None
        self._name = "" if tag in {"textarea", "select"} else self._name

    def handle_data(self, data: str) -> None:
        if self._fields is not None and self._name and self.lasttag == "textarea":
            self._fields[self._name] += data


def forms_of(address: str, page: str) -> Iterator[Route]:
    """Yield what the forms of a page post, but its token and the name that a form is given once."""
    parser = Forms()
    parser.feed(page)
    for action, fields in parser.forms:
        for made_anew in ("csrfmiddlewaretoken", "_form"):
            fields.pop(made_anew, None)
        if fields:
            yield Route("POST", action if action.startswith("/") else address, fields, is_form=True)


def form_body(fields: Json) -> bytes:
    """Return the fields as a browser encodes them; lone surrogates pass as they are."""
    pairs = (
        f"{quote(name)}={quote(str(text), safe='', errors='surrogatepass')}"
        for name, text in fields.items()
    )
    return "&".join(pairs).encode()
