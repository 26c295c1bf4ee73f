"""A CTA as HTML: a real link or button, escaped, with the marks that the snippet recognises."""

import re
from collections.abc import Mapping
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

# Where a visitor may be sent: never to a script.
SAFE_DESTINATION = re.compile(r"https?://|mailto:|tel:|sms:|[#?]|/(?![/\\])")
TAGS = frozenset(("a", "button", "span"))
FONT_SIZES = {"small": "0.875em", "large": "1.25em"}

Flag = Mapping[str, Any]
Attributes = Mapping[str, str]


def filled_cta(flag: Flag, *, attributes: Attributes, tag: str = "") -> SafeString:
    """Return the element that shows a service's answer for one slot.

    Args:
        flag: One flag of an OFREP answer.
        attributes: The page's own, such as `class`. The answer's win, `style` is joined.
        tag: `a`, `button` or `span`; empty: a link where there is a destination.
    """
    value = flag["value"]
    style = value.get("style") or {}
    destination = _destination(value) or attributes.get("href", "")
    tag = tag or ("a" if destination else "span")
    own = {
        **_identity(flag),
        "data-cta-form": value.get("form", ""),
        "data-cta-size": style.get("size", ""),
        "lang": value.get("locale", ""),
        "dir": value.get("dir", ""),
        "style": _style(style, attributes.get("style", "")),
        "href": destination if tag == "a" else "",
    }
    icon = style.get("icon")
    label = format_html('<span aria-hidden="true">{} </span>{}', icon, value["text"])
    return _element(tag, {**attributes, **own}, label if icon else value["text"])


def default_cta(slot: str, text: str, *, attributes: Attributes, tag: str = "") -> SafeString:
    """Return the page's own CTA; the snippet fills it if the visitor allows that."""
    tag = tag or ("a" if attributes.get("href") else "span")
    return _element(tag, {**attributes, "data-cta-slot": slot}, text)


def _identity(flag: Flag) -> dict[str, str]:
    metadata = flag.get("metadata") or {}
    # Without the experiment's name nothing is counted.
    counted = "" if metadata.get("preview") else metadata.get("experiment", "")
    phase = str(metadata.get("phase", "")) if counted else ""
    return {
        "data-cta-slot": flag["key"],
        "data-cta-variant": flag["variant"],
        "data-cta-experiment": counted,
        "data-cta-phase": phase,
        "data-cta-receipt": metadata.get("receipt", "") if counted else "",
    }


def _destination(value: Mapping[str, Any]) -> str:
    href = str(value.get("href") or "")
    return href if SAFE_DESTINATION.match(href) else ""


def _style(style: Mapping[str, Any], own: str) -> str:
    # A site whose policy allows no inline style gives style="none", and uses its style sheet.
    if own == "none":
        return ""
    parts = {
        "background-color": style.get("background_color"),
        "color": style.get("text_color"),
        "font-size": FONT_SIZES.get(style.get("size", "")),
    }
    written = [f"{name}: {part}" for name, part in parts.items() if part]
    return "; ".join([own.rstrip("; "), *written] if own else written)


def _element(tag: str, attributes: Attributes, content: str) -> SafeString:
    if tag not in TAGS:
        raise ValueError(f"tag must be one of {sorted(TAGS)}, got {tag!r}")
    written = [(name, text) for name, text in attributes.items() if text]
    return format_html("<{0}{1}>{2}</{0}>", tag, format_html_join("", ' {}="{}"', written), content)
