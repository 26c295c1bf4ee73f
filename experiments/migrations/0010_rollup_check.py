import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0009_change_kinds")]

    operations = [
        migrations.AlterField(
            model_name="visitoroutcome",
            name="experiment",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="outcomes",
                to="experiments.experiment",
            ),
        ),
        migrations.AlterField(
            model_name="visitoroutcome",
            name="variant",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="experiments.variant",
            ),
        ),
        migrations.CreateModel(
            name="RollupCheck",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "experiment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rollup_check",
                        to="experiments.experiment",
                    ),
                ),
                ("checked_at", models.DateTimeField(verbose_name="checked")),
                (
                    "n_differing",
                    models.PositiveIntegerField(default=0, verbose_name="rows that differ"),
                ),
            ],
            options={
                "verbose_name": "check of rollups",
                "verbose_name_plural": "checks of rollups",
            },
        ),
    ]
