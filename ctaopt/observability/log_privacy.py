"""Masks for what must not stand in a log: visitors, tokens and passwords in addresses."""

import re

MASK = "[masked]"

PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # A visitor's id may hold anything, slashes too: everything up to the end of the address.
    (re.compile(r"(/api/v1/visitors/)[^\n?'\"]+"), rf"\1{MASK}"),
    (re.compile(r"(/shared/)[^/\s'\"?]+"), rf"\1{MASK}"),
    (
        re.compile(
            r"([?&](?:visitor|targetingKey|key|token|ctaopt_preview|preview|code|state)=)[^&\s'\"]+"
        ),
        rf"\1{MASK}",
    ),
    # PostgreSQL adds the row at fault to its errors.
    (re.compile(r"((?:DETAIL|CONTEXT):\s+)[^\n]*"), rf"\1{MASK}"),
    (re.compile(r"(://)[^/@\s:]*:[^/@\s]+@"), rf"\1{MASK}@"),
)


def masked(text: str) -> str:
    """Return the text without ids of visitors, tokens, rows and passwords.

    >>> masked("Not Found: /api/v1/visitors/jean.dupont/7/")
    'Not Found: /api/v1/visitors/[masked]'
    >>> masked("GET /shared/c2VjcmV0/ 404")
    'GET /shared/[masked]/ 404'
    >>> masked("no connection to redis://web:s3cret@10.0.0.1/0")
    'no connection to redis://[masked]@10.0.0.1/0'
    """
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return text
