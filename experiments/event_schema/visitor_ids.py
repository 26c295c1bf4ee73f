"""Rules for visitor ids: one visitor each, and nothing by which a person can be found.

A template that was not filled in gives every visitor the same id, and a test of one visitor. An
e-mail or IP address is personal data, which a pseudonymous id serves as well.
"""

import re
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

# Of every visitor alike: what languages write for nothing, and names for nobody in particular.
PLACEHOLDERS = frozenset(
    {
        *("", "0", "-1", "undefined", "null", "(null)", "\\n", "nil", "none", "nan", "n/a", "na"),
        *("true", "false", "anonymous", "anon", "guest", "unknown", "empty", "not set"),
        "(not set)",
    }
)
QUOTES = "\"'` \t\r\n"
# How often an address may have encoded an id: once by the page, once by a redirect.
MAX_ENCODED = 3
# Variables of templates (of mails and tag managers, too), objects as text, an id that ends in
# nothing ("user-undefined"), zeros.
TEMPLATE = re.compile(
    r"\{\{|\}\}|\{%|<%|[$#]\{|\A\{[^{}]*\}\Z|\A<[^<>]*>\Z|\A%[A-Z_]+%\Z|\[object [A-Za-z]+\]"
    r"|\[\[[^\[\]]+\]\]|\A\[[A-Z_ .]+\]\Z|%%[A-Z_. ]+%%|\*\|[^|]*\|\*|\A__[A-Z_]+__\Z"
    r"|[-_:.|/=](?:undefined|null)\Z|\A0[0-]*\Z",
    re.IGNORECASE,
)
ENDINGS = ("undefined", "null")
# What JSON has; its true and false are neither.
_NUMBERS = frozenset({int, float})
EMAIL = re.compile(r"[^@\s<>:;,]+@[^@\s<>:;,]+\.[^\W\d_]{2,}")
# Reading an address costs ten times as much: it is tried of nothing else.
ADDRESS_LIKE = re.compile(r"[0-9a-f:.\[\]]+(?:%\w+)?(?:\]:\d+)?", re.IGNORECASE).fullmatch
# An address may stand in brackets, and have a port.
HOST = re.compile(r"\[(?P<six>[^\]]+)\](?::\d+)?|(?P<four>[\d.]+)(?::\d+)?")

FAULTS = MappingProxyType(
    {
        "placeholder": "is a placeholder: the ID of one visitor is needed",
        "e-mail": "looks like an e-mail address: send an ID that does not name the person",
        "address": "looks like an IP address: send an ID that does not name the person",
    }
)


def visitor_fault(visitor: str) -> str | None:
    """Return the kind of fault of a visitor id, a key of `FAULTS`; None of one that may be used.

    >>> visitor_fault("{{ user.id }}"), visitor_fault("jean@example.fr"), visitor_fault("::1")
    ('placeholder', 'e-mail', 'address')
    >>> visitor_fault("1234"), visitor_fault("GA1.2.1467382.1763812800")
    (None, None)
    """
    text = visitor.strip()
    if _is_plain(text):
        return None
    plain = _decoded(text)
    for reading in {text, plain}:
        if reading.strip(QUOTES).lower() in PLACEHOLDERS or TEMPLATE.search(reading):
            return "placeholder"
    if "@" in plain and EMAIL.search(plain):
        return "e-mail"
    if (":" in plain or plain.count(".") == 3) and ADDRESS_LIKE(plain) and _is_address(plain):
        return "address"
    return None


def visitor_fault_text(visitor: str) -> str:
    """Return what is wrong with a visitor id, without the id; empty if it may be used.

    >>> visitor_fault_text("undefined")
    'is a placeholder: the ID of one visitor is needed'
    """
    kind = visitor_fault(visitor)
    return FAULTS[kind] if kind else ""


def as_visitor(value: Any) -> Any:
    """Return a number as its text, as a browser writes it; anything else as it is.

    >>> as_visitor(1234), as_visitor(12.0), as_visitor("a"), as_visitor(True)
    ('1234', '12', 'a', True)
    """
    if type(value) not in _NUMBERS:
        return value
    return str(int(value)) if value == value // 1 else str(value)


def _is_plain(text: str) -> bool:
    """Return whether an id is letters, digits and hyphens and no placeholder, as nearly every one.

    It takes a quarter of the time of the patterns, which it spares.
    """
    if not (text.replace("-", "").isalnum() and text.strip("0-")):
        return False
    lowered = text.lower()
    return lowered not in PLACEHOLDERS and not lowered.endswith(ENDINGS)


def _decoded(text: str) -> str:
    for _ in range(MAX_ENCODED):
        if "%" not in text:
            break
        text = unquote(text)
    return text.strip()


def _is_address(text: str) -> bool:
    host = HOST.fullmatch(text)
    try:
        ip_address((host["six"] or host["four"]) if host else text)
    except ValueError:
        return False
    return True
