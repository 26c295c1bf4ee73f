from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the log of log-ins to the signals that it is written from."""
        from accounts import log  # noqa: PLC0415  models exist from here on

        log.connect()
