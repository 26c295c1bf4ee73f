"""The front on an event loop: what is answered from memory, refused, and handed on."""

import asyncio
import json
import threading

import pytest
from django.db import OperationalError

from experiments.api.front import application as module
from experiments.api.front.application import BodyLimits, Front, Hooks
from experiments.api.front.thread_shares import PathRule, Size, ThreadShares
from experiments.api.public import prometheus
from experiments.api.public.http import RequestIds, Response
from experiments.services.serving import evaluation
from experiments.services.serving.database_waits import may_wait
from experiments.services.serving.snapshot_store import SnapshotStore
from tests import factories
from tests.experiments.api.front.rsgi import Proto, asked, scope

KEY = {"Authorization": "Bearer shop-client-key", "Content-Type": "application/json"}
OFREP = "/ofrep/v1/evaluate/flags/hero"
BODY = json.dumps({"context": {"targetingKey": "v-1", "locale": "fr"}}).encode()
RULES = [PathRule("POST", "/admin/login/", "log_in"), PathRule("*", "/", "pages")]
NAMES = ("events", "status", "look_ups", "log_in", "pages")


class Django:
    """Stands for Django's process; `answer` may raise or wait."""

    def __init__(self):
        self.asked = []
        self.answer = lambda: Response(status=200, body=b"page", is_complete=True)

    def ask(self, one, content, *, request_id):
        self.asked.append((one.method, one.path, content))
        return self.answer()


@pytest.fixture
def django():
    return Django()


@pytest.fixture
def front(real_database, django):
    factories.make_running_experiment(factories.make_slot(factories.make_site("shop")))
    return made_front(django)


def made_front(django, *, timeout_s=30.0, **options):
    return Front(
        SnapshotStore(max_age_s=3600.0, in_background=True),
        shares=ThreadShares(dict.fromkeys(NAMES, Size(1, 1)), RULES),
        limits=BodyLimits(public=1_000, django=5_000, held=20_000, timeout_s=timeout_s),
        django=django,
        **options,
    )


def on_loop(front, work):
    """Run a coroutine with the front's loop, as a worker does."""

    async def whole():
        front.__rsgi_init__(asyncio.get_running_loop())
        try:
            return await work()
        finally:
            front._store.close()

    return asyncio.run(whole())


def answer_of(front, one, proto=None):
    return on_loop(front, lambda: asked(front, one, proto))


def posted(path=OFREP, body=BODY, headers=KEY, **fields):
    length = {"Content-Length": str(len(body))}
    return scope("POST", path, headers | length, **fields), Proto([body])


def test_evaluation_is_answered_from_memory(front, django):
    status, headers, body = answer_of(front, *posted())
    assert (status, json.loads(body)["reason"]) == (200, "SPLIT")
    assert headers["access-control-allow-origin"] == "*"
    assert headers["content-length"] == str(len(body))
    assert django.asked == []


def test_evaluation_in_chunks_is_answered_too(front):
    one = scope("POST", OFREP, KEY | {"Transfer-Encoding": "chunked"})
    assert answer_of(front, one, Proto([BODY[:10], BODY[10:]]))[0] == 200


@pytest.mark.parametrize("path", ["/healthz", "/cta.js", "/api/features/shop-client-key"])
def test_documents_come_from_memory(front, path):
    assert answer_of(front, scope("GET", path))[0] == 200


def test_events_and_states_are_answered_by_threads(front):
    assert answer_of(front, *posted("/api/v1/events", b'{"events": []}'))[0] == 202
    front = made_front(Django())
    assert answer_of(front, scope("GET", "/readyz"))[0] == 200


def test_every_answer_has_the_id_of_its_request(real_database, django):
    told = []
    ids = RequestIds(new=lambda given: given or "new", set=told.append)
    front = made_front(django, hooks=Hooks(request_ids=ids))
    for one, given in [
        (scope("GET", "/healthz", {"X-Request-ID": "r-1"}), "r-1"),
        (scope("GET", "/admin/", {"X-Request-ID": "r-2"}), "r-2"),
        (scope("POST", "/api/v1/events", {"Content-Length": "x"}), "new"),
    ]:
        assert answer_of(front, one)[1]["x-request-id"] == given
        front._store._closed.clear()
    assert told == ["r-1", "r-2"]


def test_preflight_takes_no_thread(front, monkeypatch):
    monkeypatch.setattr(module.ThreadShare, "submit", pytest.fail)
    assert answer_of(front, scope("OPTIONS", "/api/v1/events"))[0] == 204


def test_other_paths_are_handed_to_django(front, django):
    one, proto = posted("/admin/login/", b"user=a", {})
    assert answer_of(front, one, proto)[::2] == (200, b"page")
    assert django.asked == [("POST", "/admin/login/", b"user=a")]


@pytest.mark.parametrize(
    ("error", "status"),
    [(TimeoutError(), 504), (ConnectionRefusedError(), 503), (ValueError("header"), 503)],
)
def test_absent_django_is_told(front, django, error, status):
    def fail():
        raise error

    django.answer = fail
    assert answer_of(front, scope("GET", "/admin/"))[0] == status


def paged(status, accept, language):
    return f"<p>{status} {language}" if "text/html" in accept else ""


BROWSER = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "fr"}


@pytest.mark.parametrize(
    ("path", "headers", "kind", "body"),
    [
        ("/admin/", BROWSER, "text/html; charset=utf-8", b"<p>503 fr"),
        ("/admin/", {}, "application/json", None),
        ("/api/v1/experiments/", BROWSER, "application/json", None),
    ],
    ids=["person", "program", "address of the API"],
)
def test_absent_django_is_a_page_for_people(real_database, django, path, headers, kind, body):
    def fail():
        raise ConnectionRefusedError

    django.answer = fail
    front = made_front(django, hooks=Hooks(error_page=paged))
    status, answered, content = answer_of(front, scope("GET", path, headers))
    assert (status, answered["content-type"], answered["retry-after"]) == (503, kind, "2")
    assert content == body or b"errorCode" in content


def test_too_large_a_form_is_a_page_for_people(real_database, django):
    front = made_front(django, hooks=Hooks(error_page=paged))
    one = scope("POST", "/admin/x/", BROWSER | {"Content-Length": "99999999"})
    status, answered, content = answer_of(front, one)
    assert (status, answered["connection"], content) == (413, "close", b"<p>413 fr")


def test_fault_in_a_thread_is_answered_and_logged(front, django, caplog):
    def fail():
        raise KeyError("fault")

    django.answer = fail
    assert answer_of(front, scope("GET", "/admin/"))[0] == 500
    assert "/admin/: a fault of ours" in caplog.text
    assert "KeyError: 'fault'" in caplog.text


@pytest.mark.parametrize(
    ("headers", "pieces", "status"),
    [
        ({"Content-Length": "1001"}, [], 413),
        ({"Content-Length": "x"}, [], 400),
        ({"Content-Length": "10"}, [b"123"], 400),
        ({"Transfer-Encoding": "chunked"}, [b"x" * 600, b"x" * 600], 413),
    ],
)
def test_unusable_bodies_are_refused_and_the_connection_ended(front, headers, pieces, status):
    one = scope("POST", "/api/v1/events", KEY | headers)
    answer = answer_of(front, one, Proto(pieces))
    assert (answer[0], answer[1]["connection"]) == (status, "close")
    assert json.loads(answer[2])["errorDetails"]


@pytest.mark.parametrize("path", ["/api/v1/events", "/admin/login/"])
def test_body_that_does_not_come_is_given_up(real_database, django, path):
    front = made_front(django, timeout_s=0.05)
    one = scope("POST", path, {"Content-Length": "500"})
    status, _, body = answer_of(front, one, Proto([b"x"], is_held=True))
    assert (status, json.loads(body)["errorDetails"]) == (
        408,
        "the body did not arrive within 0.05 s",
    )
    assert django.asked == []


def test_process_holds_only_so_much_of_long_bodies(front, django):
    async def work():
        held = [Proto([b"x" * 4_900], is_held=True) for _ in range(5)]
        one = scope("POST", "/admin/x/", {"Content-Length": "5000"})
        tasks = [asyncio.create_task(asked(front, one, proto)) for proto in held]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=30)
        for task in tasks:
            task.cancel()
        return [proto.answer[0] for proto in held if proto.answer]

    assert on_loop(front, work) == [503]


def test_held_bytes_come_back(front, django):
    async def three():
        for _ in range(3):
            assert (await asked(front, *posted("/admin/x/", b"x" * 4_000, {})))[0] == 200
            assert front._held == 0

    on_loop(front, three)


def test_share_that_is_busy_refuses_and_others_go_on(front, django):
    opened, entered = threading.Event(), threading.Event()

    def wait():
        entered.set()
        assert opened.wait(timeout=240)
        return Response(status=200, body=b"page", is_complete=True)

    django.answer = wait
    before = prometheus.BUSY.labels("pages")._value.get()

    async def work():
        page = scope("GET", "/admin/")
        tasks = [asyncio.create_task(asked(front, page)) for _ in range(3)]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=30)
        refused = done.pop().result()
        assert (refused[0], refused[1]["retry-after"]) == (503, "2")
        assert (await asked(front, *posted()))[0] == 200
        opened.set()
        django.answer = lambda: Response(status=200, is_complete=True)
        assert (await asked(front, *posted("/admin/login/", b"a", {})))[0] == 200
        return sorted([(await task)[0] for task in tasks])

    assert on_loop(front, work) == [200, 200, 503]
    assert prometheus.BUSY.labels("pages")._value.get() == before + 1


def test_answers_of_a_draining_worker_end_their_connections(real_database, django):
    front = made_front(django, hooks=Hooks(is_draining=lambda: True))
    assert answer_of(front, scope("GET", "/healthz"))[1]["connection"] == "close"


def test_worker_has_loaded_once_it_can_answer(real_database, django):
    loaded = []
    front = made_front(django, hooks=Hooks(on_loaded=lambda: loaded.append(front._store._snapshot)))
    answer_of(front, scope("GET", "/healthz"))
    assert loaded[0] is not None


def test_worker_without_a_database_says_so_at_once(real_database, django, monkeypatch):
    def silent():
        raise OperationalError("gone")

    monkeypatch.setattr("experiments.selectors.serving.config_revision", silent)
    monkeypatch.setattr(module, "FIRST_SNAPSHOT_S", 0.05)
    front = made_front(django)
    assert answer_of(front, scope("GET", "/healthz"))[0] == 200
    front = made_front(django)
    status, headers, _ = answer_of(front, *posted())
    assert (status, headers["retry-after"]) == (503, "5")


@pytest.fixture
def doubtful(monkeypatch, front):
    """Evaluations that need the database: the look-up ends when `opened` is set."""
    opened, draw, tries = threading.Event(), evaluation.draw, []

    def looking_up(*arguments, **options):
        if may_wait():
            tries.append("asked")
            assert opened.wait(timeout=240)
        return draw(*arguments, **options)

    monkeypatch.setattr(evaluation, "draw", looking_up)
    return opened, tries


def count_of_evaluations():
    return sum(n for (site, _, _), n in prometheus.TALLIES.evaluations.items() if site == "shop")


def test_evaluation_that_needs_the_database_gets_a_thread(front, doubtful):
    opened, tries = doubtful
    opened.set()
    before = count_of_evaluations()
    assert answer_of(front, *posted())[0] == 200
    assert tries == ["asked"]
    assert count_of_evaluations() == before + 1


def test_evaluation_goes_without_a_late_database(front, doubtful):
    opened, tries = doubtful

    async def work():
        answers = [await asked(front, *posted()) for _ in range(3)]
        opened.set()
        return [one[0] for one in answers]

    # The first takes the thread, the second its place, the third is refused both.
    assert on_loop(front, work) == [200, 200, 200]
    assert len(tries) >= 1
