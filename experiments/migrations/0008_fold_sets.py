"""A window for conversions; on PostgreSQL, the days on which visitors were there."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

# The same expressions as the fold's: 64 bits of the visitor's hash, and the day in the event's id.
# Written out, so that this migration does the same whatever becomes of the services.
REMEMBER_DAYS = """
    INSERT INTO experiments_visitorday (site_id, visitor_hash, day)
    SELECT DISTINCT
        site_id,
        ('x' || substr(md5(visitor), 1, 16))::bit(64)::bigint,
        (date '1970-01-01' + (('x' || lpad(
            substr(replace(event_id::text, '-', ''), 1, 12), 16, '0'
        ))::bit(64)::bigint / 86400000)::int)
    FROM experiments_event
"""


def remember_days(_, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(REMEMBER_DAYS)


class Migration(migrations.Migration):
    dependencies = [("experiments", "0007_retention")]

    operations = [
        migrations.CreateModel(
            name="VisitorDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "site_id",
                        "visitor_hash",
                        "day",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="experiments.site",
                    ),
                ),
                ("visitor_hash", models.BigIntegerField()),
                ("day", models.DateField()),
            ],
        ),
        migrations.RunPython(remember_days, migrations.RunPython.noop),
        # What runs already goes on with the longest window: least of what was counted is taken back.
        migrations.AddField(
            model_name="experiment",
            name="conversion_window_hours",
            field=models.PositiveSmallIntegerField(
                default=720,
                help_text="Hours after a visitor's first exposure in which conversions count.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(720),
                ],
                verbose_name="conversion window",
            ),
        ),
        migrations.AlterField(
            model_name="experiment",
            name="conversion_window_hours",
            field=models.PositiveSmallIntegerField(
                default=72,
                help_text="Hours after a visitor's first exposure in which conversions count.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(720),
                ],
                verbose_name="conversion window",
            ),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("conversion_window_hours__gte", 1), ("conversion_window_hours__lte", 720)
                ),
                name="experiment_conversion_window_range",
            ),
        ),
    ]
