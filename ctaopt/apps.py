from django.apps import AppConfig

# The Celery application must exist before a shared task is called from any process.
from ctaopt.celery import app as celery_app  # noqa: F401


class CtaoptConfig(AppConfig):
    name = "ctaopt"
