"""Seeded requests to every route, most of them broken in some way, and who answers them in-process.

Used by the suite with a few thousand requests, and by `benchmarks/bench_fuzzing.py` with many.
"""

import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from urllib.parse import quote, unquote_to_bytes

from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.wsgi import WSGIHandler

from experiments.api.public.router import Edge
from experiments.services.serving.snapshot_store import SnapshotStore
from tests import factories

TOKEN = "a" * 32
TRAFFIC = {"shares": {"control": "0.5", "b": "0.5"}, "coverage": "0.5", "note": "n"}
COUNTS = {
    "metric": "proportion",
    "method": "fixed",
    "arms": [{"name": "a", "n": 100, "sum": 5}, {"name": "b", "n": 100, "sum": 9}],
}
QUESTION = {"context": {"targetingKey": "v-1", "locale": "fr", "path": "/"}}
RANKING = {"wordings": ["Go", "Start"], "control": "Send", "locale": "en"}
# Method, address with {holes}, body; the first part of each name says who may ask.
ROUTES = (
    ("POST", "/ofrep/v1/evaluate/flags/{slot}", QUESTION),
    ("POST", "/ofrep/v1/evaluate/flags", QUESTION),
    ("POST", "/api/v1/events?key={client}", {"events": [factories.event_message()]}),
    ("GET", "/api/features/{client}", None),
    ("GET", "/fragment/{slot}?key={client}&visitor={any}&tag={any}&locale={any}", None),
    ("GET", "/cta-{any}.js", None),
    ("GET", "/api/v1/experiments/?limit={number}&offset={number}", None),
    ("GET", "/api/v1/experiments/{experiment}/", None),
    ("GET", "/api/v1/experiments/{experiment}/history/", None),
    ("GET", "/api/v1/ctas/{number}/", None),
    ("GET", "/api/v1/slots/?limit={number}", None),
    ("GET", "/api/v1/rankings/{number}/", None),
    ("GET", "/api/v1/holdout/?goal={any}&days={number}&site={any}", None),
    ("GET", "/api/v1/principles/?locale={any}&audience={any}", None),
    ("DELETE", "/api/v1/visitors/{any}/?site={any}", None),
    ("POST", "/api/v1/analyze", COUNTS),
    ("POST", "/api/v1/rankings/", RANKING),
    ("POST", "/api/v1/experiments/{experiment}/traffic/", TRAFFIC),
    ("POST", "/api/v1/experiments/{experiment}/ramp/", {"steps": [{"coverage": "0.5"}]}),
    ("POST", "/api/v1/experiments/{experiment}/schedule/", {"ends_at": "2099-01-01T00:00Z"}),
    ("POST", "/api/v1/experiments/{experiment}/roll-back/", {"reason": "slow"}),
    ("POST", "/api/v1/experiments/{experiment}/start/", {}),
)
PAGES = (
    ("GET", "/admin/experiments/experiment/?status__exact={any}&q={any}&p={number}", None),
    ("GET", "/admin/experiments/cta/?site__id__exact={number}&principle={any}&o={any}", None),
    ("GET", "/admin/experiments/audience/?q={any}&site__id__exact={any}", None),
    ("GET", "/admin/experiments/serverkey/?q={any}&e={any}", None),
    ("GET", "/admin/experiments/experiment/{number}/traffic/?page={any}", None),
    ("GET", "/admin/experiments/experiment/{number}/report/", None),
    ("GET", "/admin/experiments/cta/{any}/change/", None),
    ("GET", "/admin/experiments/site/{number}/holdout/?goal={any}&days={number}", None),
    (
        "GET",
        "/admin/autocomplete/?term={any}&page={number}&app_label=experiments&model_name=cta"
        "&field_name=tags",
        None,
    ),
    (
        "POST",
        "/admin/experiments/audience/check/",
        {"condition_mode": "json", "condition_json": '{"locale": "fr"}', "example": "a=b"},
    ),
    (
        "POST",
        "/admin/experiments/experiment/",
        {"action": "duplicate", "_selected_action": "1", "index": "0"},
    ),
)
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


class Fuzzer:
    """Requests by a seed: the same ones in every run."""

    def __init__(self, seed: int, *, share_of_pages: float = 0.1) -> None:
        self._dice = random.Random(seed)  # noqa: S311  a test's dice
        self._share_of_pages = share_of_pages

    def requests(self, number: int) -> Iterator[Sent]:
        for _ in range(number):
            is_page = self._dice.random() < self._share_of_pages
            yield self._request(*self._dice.choice(PAGES if is_page else ROUTES))

    def _request(self, method: str, address: str, body: dict | None) -> Sent:
        dice = self._dice
        if dice.random() < 0.03:
            method = dice.choice(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
        headers = {"HTTP_X_API_KEY": dice.choice(KEYS), "CONTENT_TYPE": dice.choice(TYPES)}
        if address.startswith("/admin/"):
            headers = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}
        if dice.random() < 0.05:
            name = dice.choice(("ORIGIN", "IF_NONE_MATCH", "COOKIE", "ACCEPT_LANGUAGE", "ACCEPT"))
            headers[f"HTTP_{name}"] = self._latin(dice.choice(STRANGE))
        if dice.random() < 0.02:
            headers["CONTENT_LENGTH"] = dice.choice(("-1", "x", "9" * 30, "", "1"))
        return Sent(
            method=method,
            address=self._filled(address),
            body=self._body(address, body),
            headers=headers,
        )

    def _filled(self, address: str) -> str:
        known = {
            "slot": "hero",
            "client": "shop-client-key",
            "experiment": self._dice.choice(("hero-test", "draft")),
            "any": "en",
            "number": self._dice.choice(("1", "2", "20")),
        }
        for name, value in known.items():
            while f"{{{name}}}" in address:
                is_odd = self._dice.random() < 0.4
                text = self._dice.choice(STRANGE) if is_odd else value
                part = quote(text, safe="", errors="surrogatepass")
                address = address.replace(f"{{{name}}}", part, 1)
        return address

    def _body(self, address: str, body: dict | None) -> bytes:
        if body is None:
            return b"" if self._dice.random() < 0.95 else b"{}"
        if address.startswith("/admin/"):
            return self._form(body)
        if self._dice.random() < 0.03:
            return self._dice.choice(DEEP).encode()
        if self._dice.random() < 0.5:
            body = self._changed(body)
        text = bytearray(json.dumps(body).encode())
        if self._dice.random() < 0.3:
            for _ in range(self._dice.randint(1, 5)):
                place = self._dice.randrange(len(text) + 1)
                if self._dice.random() < 0.5:
                    text[place:place] = self._dice.choice(SCRAPS)
                else:
                    del text[place : place + self._dice.randint(1, 9)]
        return bytes(text)

    def _form(self, fields: dict) -> bytes:
        values = dict(fields)
        if self._dice.random() < 0.6:
            values[self._dice.choice(list(values))] = self._dice.choice((*STRANGE, *DEEP))
        pairs = (
            f"{quote(name)}={quote(str(text), safe='', errors='surrogatepass')}"
            for name, text in values.items()
        )
        return "&".join(pairs).encode()

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


def make_world() -> None:
    """Store a site that most requests are about, and the session of its owner."""
    site = factories.make_site()
    factories.make_server_key(site)
    slot = factories.make_slot(site)
    running = factories.make_running_experiment(slot)
    factories.make_rollup(running.variants.get(key="b"), visitors=500, clicks=20)
    french = factories.make_audience(site)
    factories.make_experiment(slot, "draft", audience=french)


def session_of(person: object) -> str:
    """Return the key of a log-in of this person."""
    session = SessionStore()
    session["_auth_user_id"] = str(person.pk)
    session["_auth_user_backend"] = "ctaopt.role_backend.RoleBackend"
    session["_auth_user_hash"] = person.get_session_auth_hash()
    session.create()
    return session.session_key


class Service:
    """The whole service in this process, with a person who is logged in to the admin."""

    def __init__(self, session: str) -> None:
        self._app = Edge(WSGIHandler(), SnapshotStore(max_age_s=3600.0))
        self._session = session

    def answer(self, sent: Sent) -> tuple[int, float]:
        """Return the status, and the seconds that it took."""
        path, _, query = sent.address.partition("?")
        environ = {
            "REQUEST_METHOD": sent.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(sent.body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(sent.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            **sent.headers,
        }
        if path.startswith("/admin/"):
            environ["HTTP_COOKIE"] = f"sessionid={self._session}; csrftoken={TOKEN}"
            environ["HTTP_X_CSRFTOKEN"] = TOKEN
        statuses: list[int] = []
        began = perf_counter()
        chunks = self._app(environ, lambda status, *_: statuses.append(int(status.split()[0])))
        for _ in chunks:
            pass
        getattr(chunks, "close", lambda: None)()
        return statuses[-1], perf_counter() - began
