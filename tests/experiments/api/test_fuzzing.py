"""Seeded requests to every route: none is answered 5xx, or with an undocumented status."""

from collections import Counter
from typing import NamedTuple

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from tests import factories
from tests.fuzzing.document import Document, openapi_document
from tests.fuzzing.requests import Fuzzer
from tests.fuzzing.routes import Route, forms_of, routes_of_people, routes_of_programs
from tests.fuzzing.service import Service, make_world, session_of, with_forms

SEED = 20_261_128


class Ground(NamedTuple):
    """A service, what fills the holes of its addresses, and its pages with their forms."""

    service: Service
    known: dict[str, str]
    people: list[Route]


@pytest.fixture(scope="module")
def ground(django_db_setup, django_db_blocker):
    """What all tests ask, in a transaction around theirs: finding the forms opens each page."""
    with django_db_blocker.unblock(), transaction.atomic():
        known = make_world(factories.make_site())
        owner = get_user_model().objects.create_superuser("owner")
        service = Service(session_of(owner))
        yield Ground(service, known, people_of(service, known))
        transaction.set_rollback(True)


def people_of(service, known):
    return [*with_forms(service, routes_of_people(), known)]


def fuzzer(ground, **options):
    programs = [*routes_of_programs(openapi_document())]
    return Fuzzer(SEED, programs=programs, people=ground.people, known=ground.known, **options)


@pytest.mark.slow
@pytest.mark.on_both_databases
@pytest.mark.parametrize(
    ("number", "share_of_pages"), [(3_000, 0.0), (1_000, 1.0)], ids=["programs", "people"]
)
def test_answers_are_documented_and_no_faults(ground, db, number, share_of_pages, caplog):
    document = Document(openapi_document())
    statuses = Counter()
    for sent in fuzzer(ground, share_of_pages=share_of_pages).requests(number):
        status = ground.service.answer(sent).status
        caplog.clear()
        assert status < 500, sent
        assert document.allows(sent.method, sent.path, status), (status, sent)
        statuses[status] += 1
    assert {200, 400 if share_of_pages == 0.0 else 302, 404} <= set(statuses)


def test_same_seed_asks_the_same_and_every_route(ground, db):
    # The pages are opened again: their forms have to be the same, too.
    fresh = ground._replace(people=people_of(ground.service, ground.known))
    first, again = ([*fuzzer(one).requests(3_000)] for one in (ground, fresh))
    assert first == again
    asked = {sent.path.split("/")[1] for sent in first}
    assert asked >= {"admin", "account", "api", "calculators", "fragment", "ofrep", "readyz"}
    forms = {sent.address for sent in first if sent.method == "POST" and b"csrf" not in sent.body}
    assert "/admin/experiments/experiment/add/" in forms


def test_every_operation_of_the_document_but_the_stream_is_asked(db):
    document = openapi_document()
    routes = {(one.method, one.address.split("?")[0]) for one in routes_of_programs(document)}
    named = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert named - routes == {("GET", "/ofrep/v1/stream")}


PAGE = """
<form method="get"><input name="q"></form>
<form method="post" action="/elsewhere/"><input type="hidden" name="next" value="/"></form>
<form method="post"><input name="csrfmiddlewaretoken" value="t"><input name="a" value="1">
<input type="checkbox" name="off"><input type="checkbox" name="on" value="2" checked>
<select name="s"><option value="x">X<option value="y" selected>Y</select>
<textarea name="t">
some text</textarea></form>
"""


def test_forms_are_posted_as_a_browser_fills_them():
    assert [*forms_of("/page/", PAGE)] == [
        Route("POST", "/elsewhere/", {"next": "/"}, is_form=True),
        Route("POST", "/page/", {"a": "1", "on": "2", "s": "y", "t": "\nsome text"}, is_form=True),
    ]


@pytest.mark.parametrize(
    ("method", "path", "status", "is_allowed"),
    [
        ("GET", "/api/v1/experiments/a/", 200, True),
        ("GET", "/api/v1/experiments/a/", 204, False),
        ("GET", "/api/v1/experiments/a/b/", 404, True),
        ("GET", "/api/v1/experiments/a/b/", 200, False),
        ("PUT", "/api/v1/experiments/a/", 405, True),
        ("PUT", "/api/v1/experiments/a/", 200, False),
        ("HEAD", "/healthz", 200, True),
        ("DELETE", "/api/v1/visitors/a/b", 204, True),
        ("OPTIONS", "/api/v1/events", 204, True),
        ("OPTIONS", "/api/v1/events", 302, False),
        ("GET", "/admin/", 302, True),
    ],
)
def test_statuses_are_those_of_the_document(db, method, path, status, is_allowed):
    assert Document(openapi_document()).allows(method, path, status) == is_allowed
