"""Seeded requests to every route, most of them broken in some way.

Used by the suite with a few thousand requests, and by `benchmarks/bench_fuzzing.py` with many.
"""

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from tests.fuzzing.document import Json
from tests.fuzzing.routes import Route, form_body

STRANGE = (
    *("", "\0", "a\0b", "é", "\U0001f600", "../../etc/passwd", "%", "%00", "%zz", "'", '"', "`"),
    *("--", "1' OR '1'='1", "<script>", "{{7*7}}", "$(id)", "\r\nX: y", "\u202e", "\ufeff", "null"),
    *("http://[", "//evil.example", "javascript:alert(1)", "x" * 3_000, "-1", "0", "1e20", "NaN"),
    *("9" * 30, "9" * 5_000, "true", "[]", "{}", "\ud800", "1" * 19, "2147483648", "a,b", ";"),
)
DEEP = ("[" * 5_000, '{"a":' * 5_000, "[" * 60 + "]" * 60)
SCRAPS = (
    b"\0",
    b"\xff\xfe",
    b'"\\ud800"',
    b"1e999",
    b"[[[[",
    b"null",
    b"NaN",
    b"-",
    b'"',
    b"}",
    b"9" * 400,
)
KEYS = ("shop-server-key",) * 6 + ("shop-client-key", "wrong-key", "", "é", "x" * 5_000)
TYPES = ("application/json",) * 8 + ("", "text/plain", "multipart/form-data", "é", "x" * 500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request as a server hands it over."""

    method: str
    address: str
    body: bytes
    headers: dict[str, str]

    @property
    def path(self) -> str:
        """The decoded path, as the service reads it."""
        return unquote(self.address.partition("?")[0])


class Fuzzer:
    """Requests by a seed: the same ones in every run."""

    def __init__(
        self,
        seed: int,
        *,
        programs: Sequence[Route],
        people: Sequence[Route],
        known: dict[str, str],
        share_of_pages: float = 0.2,
    ) -> None:
        self._dice = random.Random(seed)  # noqa: S311  a test's dice
        self._programs = programs
        self._people = people
        self._known = known
        self._share_of_pages = share_of_pages

    def requests(self, number: int) -> Iterator[Sent]:
        for _ in range(number):
            is_page = self._dice.random() < self._share_of_pages
            yield self._request(self._dice.choice(self._people if is_page else self._programs))

    def _request(self, route: Route) -> Sent:
        dice, method = self._dice, route.method
        if dice.random() < 0.03:
            method = dice.choice(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
        headers = {"HTTP_X_API_KEY": dice.choice(KEYS), "CONTENT_TYPE": dice.choice(TYPES)}
        if route in self._people:
            headers = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}
        if dice.random() < 0.05:
            name = dice.choice(("ORIGIN", "IF_NONE_MATCH", "COOKIE", "ACCEPT_LANGUAGE", "ACCEPT"))
            headers[f"HTTP_{name}"] = self._latin(dice.choice(STRANGE))
        if dice.random() < 0.02:
            headers["CONTENT_LENGTH"] = dice.choice(("-1", "x", "9" * 30, "", "1"))
        return Sent(
            method=method,
            address=self._filled(route.address),
            body=self._body(route),
            headers=headers,
        )

    def _filled(self, address: str) -> str:
        """Return an address without holes; a query is left out now and then."""
        if self._dice.random() < 0.1:
            address = address.partition("?")[0]
        return re.sub(r"\{(\w+)\}", self._part, address)

    def _part(self, hole: re.Match[str]) -> str:
        is_odd = self._dice.random() < 0.25
        text = self._dice.choice(STRANGE) if is_odd else self._known.get(hole.group(1), "en")
        return quote(text, safe="", errors="surrogatepass")

    def _body(self, route: Route) -> bytes:
        if route.body is None:
            return b"" if self._dice.random() < 0.95 else b"{}"
        if route.is_form:
            return self._form(route.body)
        if self._dice.random() < 0.03:
            return self._dice.choice(DEEP).encode()
        body = self._changed(route.body) if self._dice.random() < 0.5 else route.body
        text = bytearray(json.dumps(body).encode())
        if self._dice.random() < 0.3:
            for _ in range(self._dice.randint(1, 5)):
                place = self._dice.randrange(len(text) + 1)
                if self._dice.random() < 0.5:
                    text[place:place] = self._dice.choice(SCRAPS)
                else:
                    del text[place : place + self._dice.randint(1, 9)]
        return bytes(text)

    def _form(self, fields: Json) -> bytes:
        values = {
            name: self._known.get(str(text).strip("{}"), text) for name, text in fields.items()
        }
        if self._dice.random() < 0.7:
            for _ in range(self._dice.randint(1, 3)):
                values[self._dice.choice(list(values))] = self._dice.choice((*STRANGE, *DEEP))
        return form_body(values)

    def _changed(self, value: object) -> object:
        """Return it with something else at one place, or at a few."""
        dice = self._dice
        if isinstance(value, dict) and value and dice.random() < 0.9:
            name = dice.choice(list(value))
            if dice.random() < 0.15:
                return {key: inner for key, inner in value.items() if key != name}
            if dice.random() < 0.15:
                return {**value, dice.choice(STRANGE): 1}
            return {**value, name: self._changed(value[name])}
        if isinstance(value, list) and value and dice.random() < 0.8:
            place = dice.randrange(len(value))
            return [*value[:place], self._changed(value[place]), *value[place + 1 :]]
        odd = (*STRANGE, None, True, 0, -1, 10**25, 1e308, -0.0, [], {}, [[]], {"a": {"b": []}})
        return dice.choice(odd)

    @staticmethod
    def _latin(text: str) -> str:
        return text.encode("utf-8", "replace").decode("latin-1")
