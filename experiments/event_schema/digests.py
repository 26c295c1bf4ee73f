"""Keyed digests in place of what names a person: each site has a key of its own.

BLAKE2b with a key is a message authentication code (RFC 7693): without the key nobody can try
which number a digest stands for. 128 bits: no two of them ever meet.
"""

import re
from base64 import urlsafe_b64encode
from hashlib import blake2b

DIGEST_BYTES = 16
# Parts of what is hashed; never change them.
ORDER, VISITOR = b"order", b"visitor"
BETWEEN = "\x1f"
# A visitor's digest begins with it, so that ids from before are told from digests.
MARK = "~"
is_marked = re.compile(rf"{MARK}[\w-]{{22}}", re.ASCII).fullmatch


def order_digest(key: bytes, *, goal: str, order: str) -> str:
    """Return the digest of an order that reached a goal: 32 hexadecimal digits.

    >>> order_digest(b"key", goal="sale", order="A-1001")
    '4918e0584c648e17cbd5e896c8661bb4'
    """
    text = f"{goal}{BETWEEN}{order}".encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=DIGEST_BYTES, key=key, person=ORDER).hexdigest()


def visitor_digest(key: bytes, visitor: str) -> str:
    """Return the digest under which a visitor is kept: a mark and 22 letters and digits.

    >>> visitor_digest(b"key", "v-1")
    '~OuLKa-peTQCgVQ0BuUulCw'
    """
    content = visitor.encode("utf-8", "surrogatepass")
    digest = blake2b(content, digest_size=DIGEST_BYTES, key=key, person=VISITOR).digest()
    return MARK + urlsafe_b64encode(digest)[:-2].decode()


def is_visitor_digest(text: str) -> bool:
    """Return whether a stored visitor is a digest.

    >>> is_visitor_digest("v-1"), is_visitor_digest(visitor_digest(b"key", "v-1"))
    (False, True)
    """
    return is_marked(text) is not None
