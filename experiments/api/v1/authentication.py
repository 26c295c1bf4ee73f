"""Server keys for machines, the admin's session for people."""

from dataclasses import dataclass
from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from experiments.models import Site
from experiments.selectors import serving
from experiments.services.catalogue.server_keys import refused_keys, server_key_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerClient:
    """The caller behind a server key: acts for one site."""

    site: Site
    is_authenticated: bool = True


class ServerKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY` or `X-API-Key: KEY`, with a site's secret key."""

    def authenticate(self, request: Request) -> tuple[ServerClient, None] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key", "")
        if not key:
            return None
        site = None if key in refused_keys() else _site_of(key)
        if site is None:
            raise AuthenticationFailed("The server key is unknown or revoked.")
        return ServerClient(site=site), None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class IsServerOrStaff(BasePermission):
    """A server does what it likes with its own site; staff, what the admin lets them do."""

    def has_permission(self, request: Request, view: Any) -> bool:
        caller = request.user
        if isinstance(caller, ServerClient):
            return True
        if caller is None or not caller.is_staff:
            return False
        rows = getattr(view, "queryset", None)
        if rows is None:
            return True  # It only computes with what it is sent.
        model = rows.model._meta
        verb = "view" if request.method in SAFE_METHODS else "change"
        return bool(caller.has_perm(f"{model.app_label}.{verb}_{model.model_name}"))


def _site_of(key: str) -> Site | None:
    keys = serving.valid_server_keys().select_related("site")
    row = keys.filter(digest=server_key_digest(key)).first()
    return row.site if row else None
