import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0017_end_when_planned"),
    ]

    operations = [
        migrations.CreateModel(
            name="Interaction",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "factor",
                    models.FloatField(
                        help_text="Of the ratio of rates in the other arm, over its control.",
                        verbose_name="factor",
                    ),
                ),
                (
                    "p_value",
                    models.FloatField(
                        help_text="Adjusted for all tests of the site.", verbose_name="p-value"
                    ),
                ),
                (
                    "visitors",
                    models.BigIntegerField(
                        help_text="Of both experiments.", verbose_name="visitors"
                    ),
                ),
                ("checked_at", models.DateTimeField(verbose_name="checked")),
                (
                    "arm",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="experiments.variant",
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="interactions",
                        to="experiments.experiment",
                    ),
                ),
                (
                    "other_arm",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="experiments.variant",
                    ),
                ),
            ],
            options={
                "verbose_name": "interaction",
                "verbose_name_plural": "interactions",
                "ordering": ("p_value", "pk"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("experiment", "arm", "other_arm"),
                        name="interaction_one_a_pair_of_arms",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("p_value__gte", 0), ("p_value__lte", 1), ("factor__gt", 0)
                        ),
                        name="interaction_figures_possible",
                    ),
                ],
            },
        ),
    ]
