"""Destinations that named a host without a scheme become the addresses that browsers made of them."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from experiments.models import CTA
from tests import factories

pytestmark = pytest.mark.on_both_databases

migration = import_module("experiments.migrations.0029_destinations_on_one_host")
EDITOR = SimpleNamespace(connection=connection)


@pytest.fixture
def before(db):
    """A table that takes what it took before."""
    is_sqlite = connection.vendor == "sqlite"
    drop = "ALTER TABLE experiments_cta DROP CONSTRAINT cta_destination_safe"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = ON" if is_sqlite else drop)
        yield
        if is_sqlite:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


@pytest.mark.parametrize(
    ("destination", "becomes"),
    [
        ("//shop.example/a?b=//c", "https://shop.example/a?b=//c"),
        ("/\\shop.example", "https://shop.example"),
        ("///", "/"),
        ("/a//b", "/a//b"),
        ("https://shop.example//a", "https://shop.example//a"),
    ],
)
def test_host_without_scheme_gets_one(before, destination, becomes):
    cta = factories.make_cta(factories.make_site())
    CTA.objects.filter(pk=cta.pk).update(destination=destination)
    migration.name_the_scheme(apps, EDITOR)
    assert CTA.objects.get(pk=cta.pk).destination == becomes
