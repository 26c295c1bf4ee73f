"""Rows that a body names: found on its site, or refused by the field that names them."""

from typing import Any

from django.db.models import Model, QuerySet
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request

from experiments.api.v1.authentication import ServerClient, may, sites_where
from experiments.models import Site


def site_named(request: Request, key: str | None, permission: str) -> Site:
    """Return the site of a new row.

    Raises:
        ValidationError: If a person names none, or the caller a site that is not there for them.
        PermissionDenied: If the role on it is too low.
    """
    if isinstance(request.user, ServerClient):
        if key not in {None, request.user.site.key}:
            raise ValidationError({"site": ["The key is of another site."]})
        return request.user.site
    if key is None:
        raise ValidationError({"site": ["Say which, by its key."]})
    site = sites_where(request.user, "experiments.view_site").filter(key=key).first()
    if site is None:
        raise ValidationError({"site": ["There is no such site."]})
    if not may(request.user, permission, site):
        raise PermissionDenied
    return site


def row_named(rows: QuerySet[Any], field: str, **named: Any) -> Model:
    """Return the row of a site that a body names."""
    found: Model | None = rows.filter(**named).first()
    if found is None:
        raise ValidationError({field: ["There is none on this site."]})
    return found
