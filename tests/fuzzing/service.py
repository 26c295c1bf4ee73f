"""The whole service in this process, with a site that most requests are about."""

import io
import re
from collections.abc import Iterable, Iterator
from time import perf_counter, process_time
from typing import Any, NamedTuple
from unittest import mock
from urllib.parse import unquote_to_bytes

from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.wsgi import WSGIHandler
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from experiments.api.public.router import Edge
from experiments.models import Site
from experiments.services.serving.snapshot_store import SnapshotStore
from tests import factories
from tests.experiments.test_route_permissions import things_of
from tests.fuzzing.requests import Sent
from tests.fuzzing.routes import Route, forms_of

TOKEN = "a" * 32
KEEP_CONNECTION = mock.patch.object(BaseDatabaseWrapper, "close_if_unusable_or_obsolete")


def make_world(site: Site) -> dict[str, str]:
    """Store things of each kind on a site; return what fills the holes of addresses."""
    things = things_of(site)
    running = site.slots.get(key="hero").experiments.get(status="running")
    factories.make_rollup(running.variants.get(key="b"), visitors=500, clicks=20)
    rows = {f"row_{name}": str(one.pk) for name, one in things.items() if hasattr(one, "pk")}
    return rows | {
        "slot": "hero",
        "client_key": site.client_key,
        "key": running.key,
        "id": rows["row_job"],
        "app_label": "experiments",
        "visitor": "v-1",
        "site": site.key,
        "goal": "sale",
        "days": "30",
        "limit": "20",
        "offset": "0",
        "number": "1",
    }


def session_of(person: Any) -> str:
    """Return the key of a log-in of this person."""
    session = SessionStore()
    session["_auth_user_id"] = str(person.pk)
    session["_auth_user_backend"] = "ctaopt.role_backend.RoleBackend"
    session["_auth_user_hash"] = person.get_session_auth_hash()
    session.create()
    return session.session_key


class Answer(NamedTuple):
    """Status and body; the time by the clock, and that of all processors for this process."""

    status: int
    body: bytes
    wall_s: float
    cpu_s: float


class Service:
    """The whole service in this process, with a person who is logged in to the admin."""

    def __init__(self, session: str) -> None:
        self._app = Edge(WSGIHandler(), SnapshotStore(max_age_s=3600.0))
        self._session = session

    def answer(self, sent: Sent) -> Answer:
        """Answer, and take back what the request has changed."""
        statuses: list[int] = []
        environ = self._environ(sent)
        # A server closes what a request has left; here that would end the transaction.
        with KEEP_CONNECTION, transaction.atomic():
            began, used = perf_counter(), process_time()
            chunks = self._app(environ, lambda status, *_: statuses.append(int(status.split()[0])))
            body = b"".join(chunks)
            getattr(chunks, "close", lambda: None)()
            taken = perf_counter() - began, process_time() - used
            transaction.set_rollback(True)
        return Answer(statuses[-1], body, *taken)

    def _environ(self, sent: Sent) -> dict[str, Any]:
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
        if not path.startswith(("/api/", "/ofrep/", "/fragment")):
            environ["HTTP_COOKIE"] = f"sessionid={self._session}; csrftoken={TOKEN}"
            environ["HTTP_X_CSRFTOKEN"] = TOKEN
        return environ


def with_forms(service: Service, pages: Iterable[Route], known: dict[str, str]) -> Iterator[Route]:
    """Yield the pages, and what the forms on them post: each form once."""
    seen = set()
    for page in pages:
        yield page
        if page.method != "GET":
            continue
        address = re.sub(r"\{(\w+)\}", lambda hole: known.get(hole.group(1), "en"), page.address)
        shown = service.answer(Sent(method="GET", address=address, body=b"", headers={}))
        # A file that is no text has no forms.
        text = shown.body.decode(errors="replace")
        for form in forms_of(page.address.partition("?")[0], text):
            sign = form.address, tuple(name for name in form.body or () if name != "next")
            if sign not in seen:
                seen.add(sign)
                yield form
