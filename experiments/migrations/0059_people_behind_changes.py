"""Lines of histories by people, whose accounts may be deleted later."""

from django.conf import settings
from django.db import migrations, models
from django.db.models import deletion

FIELD = models.BooleanField(db_default=False, default=False, verbose_name="by a person")
MODELS = {
    "change": "Empty: the service itself, a server with its key, or a deleted account.",
    "accessrecord": "Empty: a server with its key, the command line, or a deleted account.",
}


def mark_people(apps, schema_editor):
    """Mark the lines whose account is still there; of the others nothing is known."""
    for name in MODELS:
        rows = apps.get_model("experiments", name).objects.using(schema_editor.connection.alias)
        rows.exclude(author=None).update(by_person=True)


def author_field(help_text):
    return models.ForeignKey(
        help_text=help_text,
        null=True,
        on_delete=deletion.SET_NULL,
        related_name="+",
        to=settings.AUTH_USER_MODEL,
        verbose_name="by",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0058_experiment_templates"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        *(migrations.AddField(name, "by_person", FIELD) for name in MODELS),
        *(
            migrations.AlterField(name, "author", author_field(text))
            for name, text in MODELS.items()
        ),
        migrations.RunPython(mark_people, migrations.RunPython.noop),
    ]
