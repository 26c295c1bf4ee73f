"""The days of an experiment are those of a time zone, fixed at its start.

Experiments that have been started keep the days in UTC by which they were counted: the ends of
days are the looks of their plans, and what those have shown stays as it is.
"""

from django.db import migrations, models

import experiments.models.validators


def keep_days_in_utc(apps, schema_editor):
    experiments = apps.get_model("experiments", "Experiment").objects
    experiments.filter(started_at__isnull=False).update(days_in="UTC")


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0034_visitor_exports"),
    ]

    operations = [
        migrations.AddField(
            model_name="experiment",
            name="days_in",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                max_length=64,
                validators=[experiments.models.validators.time_zone_validator],
                verbose_name="time zone of its days",
            ),
        ),
        migrations.AlterField(
            model_name="site",
            name="time_zone",
            field=models.CharField(
                default=experiments.models.validators.default_time_zone,
                help_text="Schedules, times on pages and the days of reports are in it. An experiment keeps the zone in which it was started.",
                max_length=64,
                validators=[experiments.models.validators.time_zone_validator],
                verbose_name="time zone",
            ),
        ),
        migrations.AlterField(
            model_name="visitoroutcome",
            name="day",
            field=models.DateField(
                help_text="Day of the first exposure, in the experiment's zone."
            ),
        ),
        migrations.AlterField(
            model_name="change",
            name="kind",
            field=models.CharField(
                choices=[
                    ("start", "Started"),
                    ("pause", "Paused"),
                    ("resume", "Resumed"),
                    ("stop", "Stopped"),
                    ("archive", "Archived"),
                    ("shares", "Shares changed"),
                    ("ramp", "Step of the ramp"),
                    ("rollback", "Rolled back"),
                    ("undo", "Roll-back undone"),
                    ("arm_off", "Arm rolled back"),
                    ("arm_on", "Roll-back of an arm undone"),
                    ("schedule", "Schedule"),
                    ("guard_on", "Rolls back on an alarm"),
                    ("guard_off", "Does not roll back on an alarm"),
                    ("proven", "Difference proven"),
                    ("days", "Days of another time zone"),
                ],
                max_length=10,
                verbose_name="what",
            ),
        ),
        migrations.RunPython(keep_days_in_utc, migrations.RunPython.noop),
    ]
