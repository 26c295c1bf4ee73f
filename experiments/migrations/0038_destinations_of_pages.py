"""CTAs that lead where the page leads."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0037_visitor_digests")]

    operations = [
        migrations.RemoveConstraint(
            model_name="cta",
            name="cta_destination_unless_spoken",
        ),
        migrations.AlterField(
            model_name="cta",
            name="destination",
            field=models.CharField(
                blank=True,
                help_text="Where it leads: an address or a path. Empty: the page keeps its own.",
                max_length=2000,
                validators=[
                    django.core.validators.RegexValidator(
                        "^(https?://|mailto:|tel:|sms:|[#?]|/(?![/\\\\]))[^\\s]*$",
                        "Write an address (https://..., mailto:..., tel:...) or a path (/...), without spaces.",
                    )
                ],
                verbose_name="destination",
            ),
        ),
    ]
