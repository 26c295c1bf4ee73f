"""History of a site in the management API: its edits, imports, and what was removed."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from experiments.models import Edit, Site
from experiments.services.edits.object_history import edits_of_site


class EditSerializer(serializers.ModelSerializer[Edit]):
    """One line of a history; `changes` are rows of part, field, before and after.

    An import has the kind `upload`, and the counts of its rows as changes. `author` is null for a
    server, and for an account that is gone.
    """

    author = serializers.CharField(source="author.username", default=None, allow_null=True)
    changes = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(allow_null=True))
    )

    class Meta:
        model = Edit
        fields = (
            "at",
            "kind",
            "row",
            "name",
            "verb",
            "way",
            "note",
            "author",
            "server_key",
            "changes",
        )


class SiteHistoryMixin(GenericViewSet[Site]):
    """History of a site."""

    @extend_schema(request=None, responses=EditSerializer(many=True), filters=False)
    @action(detail=True)
    def history(self, request: Request, key: str) -> Response:
        """Edits of the site, imports and removed rows, the latest first, page by page."""
        # The view's own rows are sites.
        rows: Any = edits_of_site(self.get_object())
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(EditSerializer(page, many=True).data)
