import experiments.models.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0031_bursts"),
    ]

    operations = [
        migrations.AddField(
            model_name="experiment",
            name="value_cap",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="What a visitor is worth above it counts as this much. Empty: no cap.",
                max_digits=14,
                null=True,
                verbose_name="cap of the values",
            ),
        ),
        migrations.AddField(
            model_name="rollup",
            name="capped_visitors",
            field=models.BigIntegerField(
                db_default=0, default=0, verbose_name="visitors with values above the cap"
            ),
        ),
        migrations.AlterField(
            model_name="visitoroutcome",
            name="value",
            field=experiments.models.fields.ExactDecimalField(
                help_text="As it was paid: sums count it up to the cap."
            ),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("value_cap__isnull", True),
                    models.Q(
                        ("primary_metric__in", ("value_per_visitor", "value_per_click")),
                        ("value_cap__gt", 0),
                        ("value_cap__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="experiment_value_cap_fits",
                violation_error_message="A cap is above 0, and for metrics of values only.",
            ),
        ),
    ]
