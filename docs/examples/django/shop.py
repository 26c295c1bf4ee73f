"""A Django site in one file whose CTA is rendered on the server.

CTAOPT_URL=https://cta.example.org CTAOPT_KEY=CLIENT_KEY python shop.py runserver 8001
"""

import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

PAGE = """{% load ctaopt %}<!doctype html>
<html lang="fr">
  <head><meta charset="utf-8"><title>Boutique</title>{% cta_script %}</head>
  <body>
    <h1>Boutique</h1>
    {% cta "hero-signup" href="/signup" class="cta" %}Créer un compte{% endcta %}
  </body>
</html>"""


def consent_of(request: HttpRequest) -> str:
    """What your consent tool knows; here a cookie, and yes where there is none."""
    return request.COOKIES.get("consent", "granted")


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(PAGE).render({}, request))


settings.configure(
    ROOT_URLCONF=__name__,
    SECRET_KEY="not for production",  # noqa: S106
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    LANGUAGE_CODE="fr",
    INSTALLED_APPS=["ctaopt_django"],
    MIDDLEWARE=["ctaopt_django.middleware.CtaoptMiddleware"],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    CTAOPT_DJANGO={
        "URL": os.environ["CTAOPT_URL"],
        "KEY": os.environ["CTAOPT_KEY"],
        "CONSENT": f"{__name__}.consent_of",
    },
)
urlpatterns = [path("", page), path("signup", page)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
