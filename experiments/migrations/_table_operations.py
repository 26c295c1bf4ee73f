"""Operations that create tables: one in day partitions, and many at once."""

from django.db import migrations
from django.db.migrations.operations.base import Operation


class CreatePartitionedModel(migrations.CreateModel):
    """CreateModel, by ranges of the event's id where the database can."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.sql_create_table += " PARTITION BY RANGE (event_id)"
        super().database_forwards(app_label, schema_editor, from_state, to_state)
        schema_editor.__dict__.pop("sql_create_table", None)


class CreateModels(Operation):
    """Many operations CreateModel as one.

    After each operation of a migration Django makes the classes of all models anew that are
    related to the changed one: with 60 tables most of the time of a migration.
    """

    reversible = True

    def __init__(self, models):
        self.models = models

    def deconstruct(self):
        return type(self).__qualname__, [], {"models": self.models}

    def state_forwards(self, app_label, state):
        # Whoever asks for the classes next makes them, once.
        state.__dict__.pop("apps", None)
        for model in self.models:
            model.state_forwards(app_label, state)

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        for model in self.models:
            model.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        for model in reversed(self.models):
            model.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self):
        return f"Create {len(self.models)} models"
