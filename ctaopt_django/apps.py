from django.apps import AppConfig


class CtaoptDjangoConfig(AppConfig):
    name = "ctaopt_django"
    verbose_name = "ctaopt"
