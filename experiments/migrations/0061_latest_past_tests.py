from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0060_imports_in_history")]

    operations = [
        migrations.AddIndex(
            model_name="pasttest",
            index=models.Index(fields=["-ended_on", "-id"], name="past_test_latest"),
        ),
    ]
