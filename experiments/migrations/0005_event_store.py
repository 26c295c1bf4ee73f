"""Events known by a time-ordered id, cut into day partitions on PostgreSQL.

Events that were there are copied under their new ids, and counted again by the next fold.
"""

import django.db.models.deletion
from django.db import migrations, models

import experiments.models.fields
from experiments.migrations._0005_day_partitions import day_of, make_partitions, stored_id
from experiments.migrations._table_operations import CreatePartitionedModel

CHUNK = 1_000
# Columns of exact decimals were texts on PostgreSQL too.
DECIMALS = {
    "experiments_rollup": (
        "value_sum",
        "value_sum_squares",
        "covariate_sum",
        "covariate_sum_squares",
        "covariate_product_sum",
    ),
    "experiments_goalrollup": ("value_sum", "value_sum_squares"),
    "experiments_visitoroutcome": ("value", "covariate"),
    "experiments_event": ("value",),
}


def texts_to_numbers(_, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, columns in DECIMALS.items():
        for column in columns:
            schema_editor.execute(
                f"ALTER TABLE {table} ALTER {column} TYPE numeric USING {column}::numeric"
            )


def copy_events(apps, schema_editor):
    old, new = apps.get_model("experiments", "OldEvent"), apps.get_model("experiments", "Event")
    batch = apps.get_model("experiments", "PendingBatch")
    names = [field.attname for field in new._meta.concrete_fields if field.attname != "batch"]
    waiting = []
    n_events = 0
    for row in old.objects.order_by("received_at").iterator(chunk_size=CHUNK):
        values = {name: getattr(row, name) for name in names}
        values["event_id"] = stored_id(row.event_id, at=row.occurred_at)
        waiting.append(new(**values, batch=1))
        n_events += 1
        if len(waiting) == CHUNK:
            make_partitions(schema_editor.connection, {day_of(one.event_id) for one in waiting})
            new.objects.bulk_create(waiting)
            waiting = []
    make_partitions(schema_editor.connection, {day_of(one.event_id) for one in waiting})
    new.objects.bulk_create(waiting)
    if n_events:
        batch.objects.create(
            n_events=n_events, stored_at=old.objects.latest("received_at").received_at
        )


class Migration(migrations.Migration):
    dependencies = [("experiments", "0004_course")]

    operations = [
        migrations.RunPython(texts_to_numbers, migrations.RunPython.noop),
        migrations.RemoveConstraint("event", "event_unique_id"),
        migrations.RemoveConstraint("event", "event_visitor_not_empty"),
        migrations.RemoveConstraint("event", "event_has_what_its_type_needs"),
        migrations.RemoveIndex("event", "event_by_visitor"),
        migrations.RemoveIndex("event", "event_by_experiment"),
        migrations.RemoveIndex("event", "event_to_fold"),
        migrations.RenameModel("Event", "OldEvent"),
        migrations.CreateModel(
            name="PendingBatch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("n_events", models.PositiveIntegerField()),
                ("stored_at", models.DateTimeField()),
            ],
        ),
        CreatePartitionedModel(
            name="Event",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "event_id",
                        "site_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("event_id", models.UUIDField(verbose_name="event id")),
                (
                    "site",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="experiments.site",
                    ),
                ),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("exposure", "Exposure"),
                            ("click", "Click"),
                            ("conversion", "Conversion"),
                        ],
                        max_length=10,
                        verbose_name="type",
                    ),
                ),
                ("visitor", models.CharField(max_length=200, verbose_name="visitor")),
                (
                    "experiment",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="experiments.experiment",
                    ),
                ),
                (
                    "variant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="experiments.variant",
                    ),
                ),
                ("propensity", models.FloatField(null=True, verbose_name="propensity")),
                ("goal", models.CharField(blank=True, max_length=100, verbose_name="goal")),
                (
                    "value",
                    experiments.models.fields.ExactDecimalField(null=True, verbose_name="value"),
                ),
                ("currency", models.CharField(blank=True, max_length=3, verbose_name="currency")),
                (
                    "attributes",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="Of an exposure: device, locale, country, new_visitor, where known.",
                        verbose_name="attributes",
                    ),
                ),
                ("occurred_at", models.DateTimeField(verbose_name="occurred")),
                ("received_at", models.DateTimeField(verbose_name="received")),
                (
                    "flags",
                    models.PositiveSmallIntegerField(
                        db_default=0,
                        default=0,
                        help_text="Bits: 1 sent by a bot, 2 internal traffic, 4 pre-fetched and not yet seen.",
                        verbose_name="flags",
                    ),
                ),
                (
                    "batch",
                    models.BigIntegerField(help_text="The transaction that stored it."),
                ),
            ],
            options={"verbose_name": "event", "verbose_name_plural": "events"},
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["batch"], name="event_by_batch"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["site", "visitor"], name="event_by_visitor"),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.CheckConstraint(
                condition=models.Q(("visitor", ""), _negated=True), name="event_visitor_not_empty"
            ),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("experiment__isnull", False),
                        ("type__in", ("exposure", "click")),
                        ("variant__isnull", False),
                    ),
                    models.Q(("type", "conversion"), models.Q(("goal", ""), _negated=True)),
                    _connector="OR",
                ),
                name="event_has_what_its_type_needs",
            ),
        ),
        # There is no way back to the ids as they were sent.
        migrations.RunPython(copy_events),
        migrations.DeleteModel("OldEvent"),
    ]
