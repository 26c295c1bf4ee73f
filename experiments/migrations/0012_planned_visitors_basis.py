from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0011_guardrails")]

    operations = [
        migrations.AddField(
            model_name="experiment",
            name="planned_visitors_basis",
            field=models.JSONField(
                blank=True,
                editable=False,
                null=True,
                verbose_name="basis of the planned visitors",
            ),
        ),
    ]
