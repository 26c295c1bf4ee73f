"""Migrations keep to expand and contract: code of the release before works beside the new schema.

A release adds; what nobody uses any more goes with the release after. The rules of
docs/operations.md, checked for migrations newer than the stored installation of `tests/upgrade`.
"""

from types import SimpleNamespace

import pytest
from django.db import models
from django.db.migrations import operations
from django.db.migrations.loader import MigrationLoader

APPS = ("experiments", "ml")
# Newest migrations of the stored installation: the release before.
RELEASED = {"experiments": 10, "ml": 1}
# From here on the rules hold for every table; before, for those that web processes write to.
EVERY_TABLE_FROM = 35
WRITTEN_BY_WEB = {"event", "pendingbatch", "visitorday", "configrevision"}
TAKES_AWAY = (
    operations.RemoveField,
    operations.RenameField,
    operations.RenameModel,
    operations.DeleteModel,
    operations.AlterModelTable,
)


def broken_rule(operation, *, new_models=frozenset()):
    """Return why code of before would fail beside an operation; empty if it would not."""
    name = getattr(operation, "model_name", getattr(operation, "name", "")).lower()
    if name in new_models:
        return ""
    if isinstance(operation, TAKES_AWAY):
        return f"{operation.describe()}: take it away a release after its last use"
    if isinstance(operation, operations.AddField):
        field = operation.field
        has_default = field.null or field.db_default is not models.NOT_PROVIDED
        if not (has_default or field.many_to_many):
            return f"{operation.describe()}: null=True or db_default, for rows of the old code"
    return ""


def newer_migrations():
    loader = MigrationLoader(None)
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        number = int(name[:4]) if name[:4].isdigit() else 0
        if app in APPS and number > RELEASED[app]:
            yield number, migration


def table_of(operation):
    return getattr(operation, "model_name", getattr(operation, "name", "")).lower()


def is_under_the_rules(number, operation):
    return number >= EVERY_TABLE_FROM or table_of(operation) in WRITTEN_BY_WEB


def test_newer_migrations_keep_to_the_rules():
    made, broken = set(), []
    for number, migration in newer_migrations():
        for operation in migration.operations:
            if isinstance(operation, operations.CreateModel):
                made.add(operation.name_lower)
            reason = broken_rule(operation, new_models=made)
            if reason and is_under_the_rules(number, operation):
                broken.append(f"{migration}: {reason}")
    assert broken == []


def test_there_are_newer_migrations():
    assert len(list(newer_migrations())) > 10


ADDED = SimpleNamespace(
    plain=models.IntegerField(default=0),
    in_the_database=models.IntegerField(default=0, db_default=0),
    nullable=models.IntegerField(null=True),
)


@pytest.mark.parametrize(
    "operation",
    [
        operations.RemoveField("event", "goal"),
        operations.RenameField("event", "goal", "aim"),
        operations.RenameModel("Event", "Happening"),
        operations.DeleteModel("Event"),
        operations.AlterModelTable("Event", "happenings"),
        operations.AddField("event", "new", ADDED.plain),
    ],
    ids=lambda one: type(one).__name__,
)
def test_harmful_operation_is_found(operation):
    assert broken_rule(operation)
    assert is_under_the_rules(11, operation)
    assert broken_rule(operation, new_models={"event"}) == ""


@pytest.mark.parametrize(
    "operation",
    [
        operations.AddField("event", "new", ADDED.in_the_database),
        operations.AddField("event", "new", ADDED.nullable),
        operations.CreateModel("New", []),
    ],
    ids=["db_default", "null", "new table"],
)
def test_harmless_operation_is_let_through(operation):
    assert broken_rule(operation) == ""
