from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MlConfig(AppConfig):
    name = "ml"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Predictor")
