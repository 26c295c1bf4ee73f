"""The published log-in of the demo. Only the demo's settings name this back end."""

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest

from ctaopt.role_backend import RoleBackend

NAME = PASSWORD = "demo"  # noqa: S105  published: it opens nothing but the demo


class DemoBackend(RoleBackend):
    """Opens one account, which has no password that any other settings would take."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **_: Any,
    ) -> User | None:
        if (username, password) != (NAME, PASSWORD):
            return None
        return User.objects.filter(username=NAME, is_active=True).first()
