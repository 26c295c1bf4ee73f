"""Content codings (RFC 9110, section 8.4): bodies from memory, compressed once and kept."""

import gzip
from collections.abc import Callable
from functools import lru_cache

import brotli

from experiments.api.public.http import Request, Response, etag_of, has_etag

Headers = tuple[tuple[str, str], ...]

IDENTITY = ""
VARY = ("Vary", "Accept-Encoding")
# The smallest body whose headers are not most of the answer.
MIN_BYTES = 200
# For a body that changes with the configuration, and for one that is made once a process.
FAST, SMALL = "fast", "small"

_Encoder = Callable[[bytes, str], bytes]


def _gzip(body: bytes, effort: str) -> bytes:
    # Without a time: each process must give the same bytes, which have one ETag.
    return gzip.compress(body, compresslevel=6 if effort == FAST else 9, mtime=0)


def _brotli(body: bytes, effort: str) -> bytes:
    return bytes(brotli.compress(body, quality=5 if effort == FAST else 11))


# The first is the best of those that a client likes equally.
ENCODERS: dict[str, _Encoder] = {"br": _brotli, "gzip": _gzip}


class Representations:
    """A body in each content coding, with the answers to who asks for it and to who has it.

    A coding is made when the first client asks for it. Each has an ETag of its own, because it has
    other bytes.
    """

    def __init__(
        self, body: bytes, *, headers: Headers, of_whole: Headers, last: Headers, effort: str
    ) -> None:
        """Keep a body.

        Args:
            body: Body of the answer.
            headers: Headers of the answer, also of 304.
            of_whole: Headers of the answer with the body only, such as its type.
            last: Headers of the route: the answers are complete.
            effort: `FAST` or `SMALL`.
        """
        self.etag = etag_of(body)
        self._body = body
        self._is_compressible = len(body) >= MIN_BYTES
        self._headers = (*headers, VARY) if self._is_compressible else headers
        self._of_whole = of_whole
        self._last = last
        self._effort = effort
        self._answers: dict[str, tuple[str, Response, Response]] = {}

    def answer(self, request: Request) -> Response:
        """Return 200 in the coding that the client likes best, or 304 to who has that."""
        coding = IDENTITY
        if self._is_compressible:
            coding = best_coding(request.header("accept-encoding"))
        etag, whole, unchanged = self._answers.get(coding) or self._encoded(coding)
        return unchanged if has_etag(request, etag) else whole

    def _encoded(self, coding: str) -> tuple[str, Response, Response]:
        body, etag, of_whole = self._body, self.etag, self._of_whole
        if coding != IDENTITY:
            body = ENCODERS[coding](body, self._effort)
            etag = f'{etag[:-1]}-{coding}"'
            of_whole = (*of_whole, ("Content-Encoding", coding))
        headers = (("ETag", etag), *self._headers)
        whole = Response(status=200, body=body, headers=(*of_whole, *headers))
        unchanged = Response(status=304, headers=headers)
        encoded = etag, whole.completed(*self._last), unchanged.completed(*self._last)
        self._answers[coding] = encoded
        return encoded


# Browsers send a handful of values; others may not fill the memory.
@lru_cache(maxsize=256)
def best_coding(accepted: str) -> str:
    """Return the coding for a header `Accept-Encoding`; `IDENTITY` where none of ours is liked.

    >>> best_coding("gzip;q=0.5, deflate"), best_coding("gzip;q=0, *;q=0")
    ('gzip', '')
    """
    qualities: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        qualities[name.strip()] = _quality(parameter)
    others = qualities.get("*", 0.0)
    liked = {coding: qualities.get(coding, others) for coding in ENCODERS}
    best = max(liked, key=liked.__getitem__)
    if liked[best] <= 0 or liked[best] < qualities.get("identity", 0.0):
        return IDENTITY
    return best


def _quality(parameter: str) -> float:
    name, _, number = parameter.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(number)
    except ValueError:  # Not a weight: the client does not say that it likes this.
        return 0.0
