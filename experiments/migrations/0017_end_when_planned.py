from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0016_secondary_metrics"),
    ]

    operations = [
        migrations.AddField(
            model_name="experiment",
            name="ends_when_planned",
            field=models.BooleanField(
                default=False,
                help_text="It stops by itself at night, once the planned visitors are in and the site's days before a verdict are over.",
                verbose_name="end when the plan is reached",
            ),
        ),
    ]
