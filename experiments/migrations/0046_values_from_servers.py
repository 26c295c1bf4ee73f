from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0045_notices"),
    ]

    operations = [
        migrations.AddField(
            model_name="site",
            name="values_need_server",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="A conversion with a value is taken with a server key only. Anybody can read the client key of a page and send values with it, in any currency.",
                verbose_name="values from servers only",
            ),
        ),
    ]
