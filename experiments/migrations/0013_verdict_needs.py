import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0012_planned_visitors_basis"),
    ]

    operations = [
        migrations.AddField(
            model_name="site",
            name="minimum_conversions",
            field=models.PositiveIntegerField(
                default=20,
                help_text="Clicks or conversions of each arm. Below 20 the intervals are wrong too often.",
                validators=[django.core.validators.MinValueValidator(20)],
                verbose_name="successes before a verdict",
            ),
        ),
        migrations.AddField(
            model_name="site",
            name="minimum_days",
            field=models.PositiveSmallIntegerField(
                default=7,
                help_text="Weekdays differ: take whole weeks. Harm is acted on earlier.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(90),
                ],
                verbose_name="days before a verdict",
            ),
        ),
        migrations.AddField(
            model_name="site",
            name="minimum_visitors",
            field=models.PositiveIntegerField(
                default=100,
                help_text="Of each arm. Harm is acted on earlier, from 100 on.",
                validators=[django.core.validators.MinValueValidator(100)],
                verbose_name="visitors before a verdict",
            ),
        ),
        migrations.AddConstraint(
            model_name="site",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("minimum_visitors__gte", 100),
                    ("minimum_conversions__gte", 20),
                    ("minimum_days__gte", 1),
                    ("minimum_days__lte", 90),
                ),
                name="site_minimum_range",
            ),
        ),
    ]
