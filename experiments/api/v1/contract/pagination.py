"""Pagination of lists: `?limit=` and `?offset=`, refused when out of range."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request

MAX_LIMIT = 500
# No list is longer, and no database counts further than 2**63.
MAX_OFFSET = 10**12


class PageQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, required=False)
    offset = serializers.IntegerField(min_value=0, max_value=MAX_OFFSET, required=False)


class BoundedPagination(LimitOffsetPagination):
    """Rows from an offset on, as many as asked for; nothing is cut without a word."""

    max_limit = MAX_LIMIT

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: Any = None
    ) -> list[Any] | None:
        PageQuery(data=request.query_params).is_valid(raise_exception=True)
        return super().paginate_queryset(queryset, request, view)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        rows = self.default_limit
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": rows}
        offset = {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0}
        return [
            {"name": "limit", "in": "query", "description": "Rows to return.", "schema": limit},
            {"name": "offset", "in": "query", "description": "Rows to skip.", "schema": offset},
        ]
