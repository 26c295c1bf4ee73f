"""Formats of a report beside JSON: CSV, XLSX, PDF and a notebook."""

from collections.abc import Mapping
from typing import Any, cast

from django.conf import settings
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.models import Experiment
from experiments.services.documents.report_files import (
    MEDIA_TYPES,
    TABLES,
    Format,
    report_file,
)

LANGUAGES = tuple(code for code, _ in settings.LANGUAGES)


class FileRenderer(BaseRenderer):
    """Hands on the bytes of a file, and refusals as JSON."""

    charset: str | None = None
    render_style = "binary"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if isinstance(data, bytes):
            return data
        refusal: bytes = JSONRenderer().render(data)
        return refusal


class CSVRenderer(FileRenderer):
    media_type = MEDIA_TYPES["csv"]
    format = "csv"
    charset = "utf-8"


class XLSXRenderer(FileRenderer):
    media_type = MEDIA_TYPES["xlsx"]
    format = "xlsx"


class PDFRenderer(FileRenderer):
    media_type = MEDIA_TYPES["pdf"]
    format = "pdf"


class NotebookRenderer(FileRenderer):
    media_type = MEDIA_TYPES["ipynb"]
    format = "ipynb"


REPORT_RENDERERS = [JSONRenderer, CSVRenderer, XLSXRenderer, PDFRenderer, NotebookRenderer]
REPORT_PARAMETERS = [
    OpenApiParameter(
        "table", str, enum=TABLES, default="arms", description="The table of a CSV; XLSX has all."
    ),
    OpenApiParameter(
        "language",
        str,
        enum=LANGUAGES,
        default="en",
        description="Of all but JSON; with fr, a CSV has semicolons and decimal commas.",
    ),
]
REPORT_RESPONSES = {
    (200, "application/json"): OpenApiTypes.OBJECT,
    (200, MEDIA_TYPES["csv"]): OpenApiTypes.STR,
    (200, MEDIA_TYPES["xlsx"]): OpenApiTypes.BINARY,
    (200, MEDIA_TYPES["pdf"]): OpenApiTypes.BINARY,
    (200, MEDIA_TYPES["ipynb"]): OpenApiTypes.BINARY,
}


def file_answer(request: Request, experiment: Experiment) -> Response:
    """Return the report as the file that the request accepts."""
    file = report_file(
        experiment=experiment,
        now=timezone.now(),
        file_format=cast("Format", request.accepted_renderer.format),
        language=_choice(request, "language", LANGUAGES, default="en"),
        table=_choice(request, "table", TABLES, default="arms"),
    )
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, headers=headers)


def _choice(request: Request, name: str, choices: tuple[str, ...], *, default: str) -> str:
    value = request.query_params.get(name, default)
    if value not in choices:
        raise ValidationError({name: [f"must be one of {', '.join(choices)}"]})
    return value
