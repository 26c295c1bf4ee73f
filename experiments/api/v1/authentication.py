"""Server keys for machines, the admin's session for people."""

from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from experiments.models import Site
from experiments.selectors import permissions, serving
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
    """A server does what it likes with its own site; people, what their roles let them do.

    A view names its permission, or the model of its rows: without either it is closed. A foreign
    row is not found before it is refused.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        on_a_row = bool(getattr(view, "detail", False))
        needed = _needed(view, "view" if on_a_row or _is_safe(request) else "change")
        return needed is not None and may(request.user, needed)

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        needed = _needed(view, "view" if _is_safe(request) else "change")
        return needed is not None and may(request.user, needed, obj)


def may(caller: Any, permission: str, row: Model | None = None) -> bool:
    """Return whether a server or a person may do this to the row, or to any without one."""
    if isinstance(caller, ServerClient):
        is_own = row is None or permissions.site_id_of(row) == caller.site.pk
        return is_own and permission in permissions.LEAST_ROLES
    return permissions.may(caller or AnonymousUser(), permission, row)


def sites_where(caller: Any, permission: str) -> QuerySet[Site]:
    """Return the sites on which a server or a person has a permission."""
    if isinstance(caller, ServerClient):
        return Site.objects.filter(pk=caller.site.pk)
    return permissions.sites_where(caller or AnonymousUser(), permission)


def named_site(request: Request, permission: str) -> Site | None:
    """Return the server's site, or the one that a person names by `?site=`; None without a name.

    Raises:
        Http404: If the person has no role on such a site.
        PermissionDenied: If the role is too low.
    """
    if isinstance(request.user, ServerClient):
        return request.user.site
    key = request.query_params.get("site", "")
    if not key:
        return None
    site = get_object_or_404(sites_where(request.user, "experiments.view_site"), key=key)
    if not may(request.user, permission, site):
        raise PermissionDenied
    return site


def person_of(request: Request) -> User | None:
    """Return the person who asks; None for a server."""
    return None if isinstance(request.user, ServerClient) else cast("User | None", request.user)


def _is_safe(request: Request) -> bool:
    return request.method in SAFE_METHODS


def _needed(view: Any, verb: str) -> str | None:
    named: str | None = getattr(view, "permission", None)
    rows = getattr(view, "queryset", None)
    if named is not None or rows is None:
        return named
    return permissions.permission_name(verb, rows.model)


def _site_of(key: str) -> Site | None:
    keys = serving.valid_server_keys().select_related("site")
    row = keys.filter(digest=server_key_digest(key)).first()
    return row.site if row else None
