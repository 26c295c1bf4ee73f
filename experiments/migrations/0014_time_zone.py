import experiments.models.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0013_verdict_needs"),
    ]

    operations = [
        migrations.AddField(
            model_name="site",
            name="time_zone",
            field=models.CharField(
                default=experiments.models.validators.default_time_zone,
                help_text="Schedules and times on pages are in it. Visitors are counted by days in UTC all the same.",
                max_length=64,
                validators=[experiments.models.validators.time_zone_validator],
                verbose_name="time zone",
            ),
        ),
        migrations.AddConstraint(
            model_name="site",
            constraint=models.CheckConstraint(
                condition=models.Q(("time_zone", ""), _negated=True),
                name="site_time_zone_not_empty",
            ),
        ),
    ]
