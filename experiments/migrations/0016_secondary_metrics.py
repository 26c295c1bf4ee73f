import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0015_phases_of_visitors"),
    ]

    operations = [
        migrations.CreateModel(
            name="SecondaryMetric",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "metric",
                    models.CharField(
                        choices=[
                            ("click_rate", "Click rate"),
                            ("conversion_rate", "Conversion rate"),
                            ("value_per_visitor", "Value per visitor"),
                        ],
                        max_length=20,
                        verbose_name="metric",
                    ),
                ),
                (
                    "goal",
                    models.CharField(
                        blank=True,
                        help_text="Name of the conversion that counts.",
                        max_length=100,
                        verbose_name="goal",
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="secondary_metrics",
                        to="experiments.experiment",
                    ),
                ),
            ],
            options={
                "verbose_name": "secondary metric",
                "verbose_name_plural": "secondary metrics",
                "ordering": ("experiment", "metric", "goal"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("experiment", "metric", "goal"),
                        name="secondary_metric_one_a_metric_and_goal",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("goal", ""), ("metric", "click_rate")),
                            models.Q(
                                ("metric__in", ("conversion_rate", "value_per_visitor")),
                                models.Q(("goal", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="secondary_metric_known_and_goal_fits",
                        violation_error_message="A rate of clicks has no goal; other metrics need one.",
                    ),
                ],
            },
        ),
    ]
