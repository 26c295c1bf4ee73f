from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0022_first_roles")]

    operations = [
        migrations.AddField(
            model_name="site",
            name="teaches_others",
            field=models.BooleanField(
                blank=True,
                help_text="The predictor of all sites learns from its past tests and shows their "
                "wordings and figures to the others. Unknown: as long as the sites have one owner.",
                null=True,
                verbose_name="its tests teach other sites",
            ),
        ),
    ]
