"""A window for conversions; on PostgreSQL, the days on which visitors were there."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


def remember_days(_, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        from experiments.services.set_fold import DAY_OF_ID, DAYS, EVENT, HASHED

        schema_editor.execute(
            f"INSERT INTO {DAYS} (site_id, visitor_hash, day) SELECT DISTINCT site_id, "
            f"{HASHED.format(visitor='visitor')}, {DAY_OF_ID.format(id='event_id')} FROM {EVENT}"
        )


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
