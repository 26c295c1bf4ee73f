from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _


class ExperimentsConfig(AppConfig):
    name = "experiments"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Experiments")

    def ready(self) -> None:
        # Models exist from here on.
        from experiments.services.installation import (  # noqa: PLC0415
            migration_copy,
            reporting_views,
            start_guard,
        )

        register(start_guard.secret_is_ours, Tags.database)
        pre_migrate.connect(migration_copy.copy_before_migration, sender=self)
        # The copy has the views, too: it is the database as it was.
        pre_migrate.connect(reporting_views.drop_before_migration, sender=self)
        post_migrate.connect(reporting_views.restore_after_migration, sender=self)
        post_migrate.connect(start_guard.record_secret, sender=self)
