"""Visitor, consent and CTAs of one page request, evaluated once."""

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.utils.translation import get_language

from ctaopt_django.client import evaluate

# As in the snippet (sdk/src), which reads this cookie.
# In browsers; never rename.
COOKIE = "ctaopt_visitor"
COOKIE_AGE_S = 180 * 24 * 60 * 60
IDENTIFIER = re.compile(r"[\w.-]{1,200}")
BOT = re.compile(r"bot|crawl|spider|headless", re.IGNORECASE)

GRANTED, COOKIELESS, NECESSARY, OFF = "granted", "cookieless", "necessary", "off"


def option(name: str, default: Any = None) -> Any:
    """Return one entry of the setting CTAOPT_DJANGO."""
    return getattr(settings, "CTAOPT_DJANGO", {}).get(name, default)


def _hook(name: str) -> Callable[..., Any] | None:
    path = option(name)
    return import_string(path) if path else None


class Visit:
    """Values of a request that the template tags need, evaluated by the first tag."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self.new_visitor: str | None = None
        # The page is for this visitor alone: no shared cache may keep it.
        self.is_personal = False

    @cached_property
    def wish(self) -> str:
        """Consent mode from the site's own hook, passed on to the snippet."""
        hook = _hook("CONSENT")
        return str(hook(self._request)) if hook else GRANTED

    @cached_property
    def mode(self) -> str:
        """The mode of consent, after the browser's privacy signals; bots are nobody."""
        headers = self._request.headers
        if BOT.search(headers.get("User-Agent", "")):
            return OFF
        objects = headers.get("Sec-GPC") == "1" or headers.get("DNT") == "1"
        return OFF if objects and self.wish != NECESSARY else self.wish

    @cached_property
    def own_visitor(self) -> str:
        """The id that the site itself gives, or an empty text."""
        hook = _hook("VISITOR")
        return str(hook(self._request) or "") if hook else ""

    @cached_property
    def visitor(self) -> str | None:
        if self.mode not in (GRANTED, COOKIELESS):
            return None
        if self.own_visitor:
            return self.own_visitor
        known = self._request.COOKIES.get(COOKIE, "")
        if self.mode == GRANTED and IDENTIFIER.fullmatch(known):
            return known
        fresh = uuid4().hex
        if self.mode == GRANTED:
            self.new_visitor = fresh
        return fresh

    @cached_property
    def flags(self) -> dict[str, dict[str, Any]]:
        """The service's answers by slot; empty where nobody may be asked, or nobody answers."""
        self.is_personal = True
        if not option("KEY") or (self.visitor is None and self.mode != NECESSARY):
            return {}
        ask = _hook("EVALUATE") or _ask_the_service
        flags = ask(key=option("KEY"), context=self._context())
        return {flag["key"]: flag for flag in flags if flag.get("value", {}).get("text")}

    def _context(self) -> dict[str, Any]:
        if self.visitor is None:
            return {"targetingKey": "-", "locale": get_language(), "measured": False}
        headers = self._request.headers
        is_mobile = "Mobi" in headers.get("User-Agent", "")
        return {
            "targetingKey": self.visitor,
            # Who logs in keeps the arm: this is who it was before.
            "anonymousId": self._request.COOKIES.get(COOKIE, self.visitor),
            "locale": get_language(),
            "url": self._request.build_absolute_uri(),
            "referrer": headers.get("Referer", ""),
            "device": "mobile" if is_mobile else "desktop",
        }


def visit_of(request: HttpRequest) -> Visit:
    """Return the visit of this request, the same each time."""
    visit: Visit | None = getattr(request, "ctaopt", None)
    if visit is None:
        visit = Visit(request)
        request.ctaopt = visit  # type: ignore[attr-defined]
    return visit


def _ask_the_service(*, key: str, context: dict[str, Any]) -> list[dict[str, Any]]:
    return evaluate(url=option("URL"), key=key, context=context, timeout_s=option("TIMEOUT_S", 0.3))
