import django.core.validators
from django.db import migrations, models

# Browsers take `//host` and `/\host` for an address of another host, with the scheme of the page.
PATTERN = r"^(https?://|mailto:|tel:|sms:|[#?]|/(?![/\\]))[^\s]*$"


def name_the_scheme(apps, schema_editor):
    """Write the destinations that named a host without a scheme as the addresses that they were."""
    ctas = apps.get_model("experiments", "CTA").objects.using(schema_editor.connection.alias)
    for cta in ctas.filter(destination__regex=r"^/[/\\]"):
        rest = cta.destination.lstrip("/\\")
        ctas.filter(pk=cta.pk).update(destination=f"https://{rest}" if rest else "/")


class Migration(migrations.Migration):
    dependencies = [("experiments", "0028_installation")]

    operations = [
        migrations.RunPython(name_the_scheme, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="cta", name="cta_destination_safe"),
        migrations.AlterField(
            model_name="cta",
            name="destination",
            field=models.CharField(
                blank=True,
                help_text="Where it leads: an address or a path. Not needed when spoken.",
                max_length=2000,
                validators=[
                    django.core.validators.RegexValidator(
                        PATTERN,
                        "Write an address (https://..., mailto:..., tel:...) or a path (/...), "
                        "without spaces.",
                    )
                ],
                verbose_name="destination",
            ),
        ),
        migrations.AddConstraint(
            model_name="cta",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("destination", ""), ("destination__regex", PATTERN), _connector="OR"
                ),
                name="cta_destination_safe",
            ),
        ),
    ]
