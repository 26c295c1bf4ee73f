"""Weights of the admin's pages: every list with a thousand rows, and the first load of every page.

The pages are those of the URL configuration. A first load is the page with each style sheet,
script and font that it names, compressed as the service sends them (gzip, which is no smaller
than brotli); the browser's own figures are in `tests/end_to_end/test_accessible_pages.py`.
"""

import gzip
import re
from functools import cache
from pathlib import Path
from posixpath import dirname, join, normpath

import pytest
from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.db import transaction
from django.urls import reverse

from experiments.models import Membership
from tests.experiments.test_route_permissions import ask, made_world, world  # noqa: F401
from tests.experiments.test_texts_of_pages import PAGES

ROWS = 1_000
MOST_LIST = 100_000
MOST_FIRST = 300_000
GUARD = b"experiments/sent_once.js"
# Fields by which copies of a row are told apart, beside the unique ones.
UNIQUE = {"key", "name", "text", "username", "digest", "test", "secret_digest", "seed"}


def lists():
    """The models that have a list in the admin, by the address of the list."""
    return [
        probe
        for probe in PAGES
        if re.fullmatch(r"admin/(?:accounts|auth|experiments|ml)/\w+/", probe.template)
    ]


def copies(row):
    """A thousand rows like this one, told apart where rows of its kind must differ."""
    fields = [field for field in row._meta.concrete_fields if not field.primary_key]
    apart = {field.name for field in fields if field.unique} | UNIQUE

    def of(field, number):
        value = getattr(row, field.attname)
        if field.name not in apart or not isinstance(value, str):
            return value
        suffix = f"-{number}"
        return value[: (field.max_length or 1_000) - len(suffix)] + suffix

    for number in range(ROWS):
        values = {field.attname: of(field, number) for field in fields}
        if "number" in values:
            values["number"] += number + 1
        yield type(row)(**values)


def fill(row):
    """Store the copies; a role is that of another person each."""
    made = list(copies(row))
    if isinstance(row, Membership):
        people = get_user_model()
        users = [people(username=f"person-{number}") for number in range(ROWS)]
        made = [
            Membership(site=row.site, role=row.role, user=user)
            for user in people.objects.bulk_create(users)
        ]
    type(row).objects.bulk_create(made)


def test_list_of_a_thousand_rows_stays_light(world):  # noqa: F811
    own, _, clients = world
    heavy, seen = {}, []
    for probe in lists():
        with transaction.atomic():
            fill(own[probe.model])
            answer = clients["superuser"].get("/" + probe.template)
            transaction.set_rollback(True)
        assert answer.status_code == 200
        assert answer.context["cl"].result_count >= ROWS
        seen.append(probe.template)
        if len(answer.content) > MOST_LIST:
            heavy[probe.template] = len(answer.content)
    assert {reverse("admin:experiments_historyarm_changelist")[1:]} <= set(seen)
    assert len(seen) > 15
    assert heavy == {}


@cache
def weight_of_file(name):
    """Compressed bytes of a static file, and of the fonts and pictures that a style sheet names."""
    path = finders.find(name)
    assert path, name
    content = Path(path).read_bytes()
    if name.endswith((".woff2", ".png", ".svg")):
        return len(content)
    weight = len(gzip.compress(content, 6))
    if name.endswith(".css"):
        named = set(re.findall(r"""url\(["']?([^"')]+\.woff2)""", content.decode()))
        weight += sum(weight_of_file(normpath(join(dirname(name), one))) for one in named)
    return weight


def first_load(answer):
    body = answer.content.decode()
    named = re.findall(r"""<script[^>]+src="/static/([^"?]+)""", body)
    named += [
        found[1]
        for tag in re.findall(r"<link[^>]+>", body)
        if "stylesheet" in tag and (found := re.search(r"""href="/static/([^"?]+)""", tag))
    ]
    assert named
    return len(gzip.compress(answer.content, 6)) + sum(map(weight_of_file, set(named)))


def test_first_load_of_every_page_stays_light(world):  # noqa: F811
    """And a page with a form that posts loads the guard against double clicks."""
    own, _, clients = world
    heavy, seen, unguarded = {}, 0, []
    for probe in PAGES:
        answer = ask(clients["superuser"], probe, own)
        if answer.status_code != 200 or "text/html" not in answer.get("Content-Type", ""):
            continue
        if not answer.content:
            continue
        seen += 1
        if b'method="post"' in answer.content and GUARD not in answer.content:
            unguarded.append(probe.template)
        weight = first_load(answer)
        if weight > MOST_FIRST:
            heavy[probe.template] = weight
    assert seen > 60
    assert heavy == {}
    assert unguarded == []


@pytest.mark.parametrize("name", ["experiments/pages.css", "unfold/css/styles.css"])
def test_weight_of_a_file_is_that_of_its_compressed_bytes(name):
    content = Path(finders.find(name)).read_bytes()
    assert 1_000 < weight_of_file(name) < len(content)
