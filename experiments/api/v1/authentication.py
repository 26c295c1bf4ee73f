"""Server keys for machines, the admin's session for people."""

from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any, cast

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, ValidationError
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from experiments.models import ServerKey, Site
from experiments.selectors import access, permissions
from experiments.services.catalogue.access_log import Actor
from experiments.services.catalogue.key_use import key_uses
from experiments.services.catalogue.server_keys import (
    REVOKED,
    fault_of,
    refused_keys,
    server_key_digest,
)

Scope = ServerKey.Scope
# As long as a digest: the comparison takes the same time where there is no key.
NO_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerClient:
    """The caller behind a server key: acts for one site, as far as its scopes go.

    `key`: name and first characters of the key, for the history.
    """

    site: Site
    key: str
    scopes: frozenset[str]
    is_authenticated: bool = True


class ServerKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY` or `X-API-Key: KEY`, with a site's secret key."""

    def authenticate(self, request: Request) -> tuple[ServerClient, None] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key", "")
        if not key:
            return None
        row, fault = _checked(key, now=timezone.now())
        if row is None or fault:
            raise AuthenticationFailed(fault)
        key_uses.note(row.pk)
        return ServerClient(site=row.site, key=str(row), scopes=frozenset(row.scopes)), None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class IsServerOrStaff(BasePermission):
    """Servers do what the scopes of their keys allow, on their own site; people, what roles allow.

    A view names its permission, or the model of its rows: without either it is closed. A foreign
    row is not found before it is refused.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        on_a_row = bool(getattr(view, "detail", False))
        needed = _needed(view, "view" if on_a_row or _is_safe(request) else "change")
        if needed is None:
            return False
        _check_scope(request, view)
        return may(request.user, needed)

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        needed = _needed(view, "view" if _is_safe(request) else "change")
        return needed is not None and may(request.user, needed, obj)


def may(caller: Any, permission: str, row: Model | None = None) -> bool:
    """Return whether a server or a person may do this to the row, or to any without one."""
    if isinstance(caller, ServerClient):
        is_own = row is None or permissions.site_id_of(row) == caller.site.pk
        return is_own and permission in permissions.LEAST_ROLES
    return permissions.may(caller or AnonymousUser(), permission, row)


def refuse_unless(request: Request, permission: str, row: Model) -> None:
    """Refuse a caller whose role is too low for this row.

    Raises:
        PermissionDenied: If it is.
    """
    if not may(request.user, permission, row):
        raise PermissionDenied


def sites_where(caller: Any, permission: str) -> QuerySet[Site]:
    """Return the sites on which a server or a person has a permission."""
    if isinstance(caller, ServerClient):
        return Site.objects.filter(pk=caller.site.pk)
    return permissions.sites_where(caller or AnonymousUser(), permission)


def named_site(request: Request, permission: str) -> Site:
    """Return the server's site, or the one that a person names by `?site=`.

    Raises:
        ValidationError: If a person names none.
        Http404: If the person has no role on such a site.
        PermissionDenied: If the role is too low.
    """
    if isinstance(request.user, ServerClient):
        return request.user.site
    key = request.query_params.get("site", "")
    if not key:
        raise ValidationError({"site": "say which, by its key"})
    site = get_object_or_404(sites_where(request.user, "experiments.view_site"), key=key)
    if not may(request.user, permission, site):
        raise PermissionDenied
    return site


def person_of(request: Request) -> User | None:
    """Return the person who asks; None for a server."""
    return None if isinstance(request.user, ServerClient) else cast("User | None", request.user)


def actor_of(request: Request) -> Actor:
    """Return who asks, for the history: a person, or a server by the name of its key."""
    if isinstance(request.user, ServerClient):
        return Actor(server_key=request.user.key)
    return Actor(author=request.user)


def _check_scope(request: Request, view: Any) -> None:
    """Refuse a server whose key lacks the scope that the view names, or that of its verb."""
    if not isinstance(request.user, ServerClient):
        return
    scope = getattr(view, "scope", None) or (Scope.READ if _is_safe(request) else Scope.WRITE)
    if scope not in request.user.scopes:
        raise PermissionDenied(f"The server key lacks the scope “{scope}”.")


def _is_safe(request: Request) -> bool:
    return request.method in SAFE_METHODS


def _needed(view: Any, verb: str) -> str | None:
    named: str | None = getattr(view, "permission", None)
    rows = getattr(view, "queryset", None)
    if named is not None or rows is None:
        return named
    return permissions.permission_name(verb, rows.model)


def _checked(key: str, *, now: datetime) -> tuple[ServerKey | None, str]:
    """Return the key's row, and why it opens nothing.

    Every answer takes the same steps, one query and one comparison, and so the same time.
    """
    digest = server_key_digest(key)
    row = access.server_key_of(digest=digest)
    is_known = compare_digest(row.digest if row else NO_DIGEST, digest)
    if row is None or not is_known or key in refused_keys():
        return None, "The server key is unknown."
    fault = fault_of(row, now=now)
    moment = row.revoked_at if fault == REVOKED else row.expires_at
    return row, f"The server key {fault}: {moment:%Y-%m-%d %H:%M} UTC." if fault else ""
