import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0020_end_of_pre_period"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Membership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("viewer", "Viewer: reads everything"),
                            ("analyst", "Analyst: also ranks wordings and trains"),
                            ("marketer", "Marketer: also edits and runs experiments"),
                            ("owner", "Owner: also keys, people, settings and erasure"),
                        ],
                        max_length=10,
                        verbose_name="role",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="experiments.site",
                        verbose_name="site",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
            ],
            options={
                "verbose_name": "membership",
                "verbose_name_plural": "memberships",
                "ordering": ("site", "user"),
            },
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(
                fields=("user", "site"), name="membership_one_role_a_site"
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=Q(role__in=("viewer", "analyst", "marketer", "owner")),
                name="membership_role_known",
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="site",
            field=models.ForeignKey(
                help_text="Empty: of the whole installation, or a ranking for no site yet.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="jobs",
                to="experiments.site",
                verbose_name="site",
            ),
        ),
    ]
