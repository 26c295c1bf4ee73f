from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0029_destinations_on_one_host"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="experiment",
            name="experiment_metric_known",
        ),
        migrations.RemoveConstraint(
            model_name="guardrail",
            name="guardrail_metric_known_and_goal_fits",
        ),
        migrations.RemoveConstraint(
            model_name="secondarymetric",
            name="secondary_metric_known_and_goal_fits",
        ),
        migrations.AlterField(
            model_name="experiment",
            name="primary_metric",
            field=models.CharField(
                choices=[
                    ("click_rate", "Click rate"),
                    ("conversion_rate", "Conversion rate"),
                    ("value_per_visitor", "Value per visitor"),
                    ("value_per_click", "Value per click"),
                    ("conversions_per_visitor", "Conversions per visitor"),
                ],
                default="click_rate",
                max_length=30,
                verbose_name="primary metric",
            ),
        ),
        migrations.AlterField(
            model_name="guardrail",
            name="metric",
            field=models.CharField(
                choices=[
                    ("click_rate", "Click rate"),
                    ("conversion_rate", "Conversion rate"),
                    ("value_per_visitor", "Value per visitor"),
                    ("value_per_click", "Value per click"),
                    ("conversions_per_visitor", "Conversions per visitor"),
                ],
                max_length=30,
                verbose_name="metric",
            ),
        ),
        migrations.AlterField(
            model_name="secondarymetric",
            name="metric",
            field=models.CharField(
                choices=[
                    ("click_rate", "Click rate"),
                    ("conversion_rate", "Conversion rate"),
                    ("value_per_visitor", "Value per visitor"),
                    ("value_per_click", "Value per click"),
                    ("conversions_per_visitor", "Conversions per visitor"),
                ],
                max_length=30,
                verbose_name="metric",
            ),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("primary_metric", "click_rate"),
                    (
                        "primary_metric__in",
                        (
                            "conversion_rate",
                            "value_per_visitor",
                            "value_per_click",
                            "conversions_per_visitor",
                        ),
                    ),
                    _connector="OR",
                ),
                name="experiment_metric_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="guardrail",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("goal", ""), ("metric", "click_rate")),
                    models.Q(
                        (
                            "metric__in",
                            (
                                "conversion_rate",
                                "value_per_visitor",
                                "value_per_click",
                                "conversions_per_visitor",
                            ),
                        ),
                        models.Q(("goal", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="guardrail_metric_known_and_goal_fits",
                violation_error_message="A rate of clicks has no goal; other metrics need one.",
            ),
        ),
        migrations.AddConstraint(
            model_name="secondarymetric",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("goal", ""), ("metric", "click_rate")),
                    models.Q(
                        (
                            "metric__in",
                            (
                                "conversion_rate",
                                "value_per_visitor",
                                "value_per_click",
                                "conversions_per_visitor",
                            ),
                        ),
                        models.Q(("goal", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="secondary_metric_known_and_goal_fits",
                violation_error_message="A rate of clicks has no goal; other metrics need one.",
            ),
        ),
    ]
