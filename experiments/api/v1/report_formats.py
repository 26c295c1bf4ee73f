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
from experiments.services.analysis.rollup_source import StoredCounts
from experiments.services.documents.report_files import (
    MEDIA_TYPES,
    TABLES,
    Format,
    report_file,
)
from experiments.services.exploration.chosen_comparison import chosen_comparison
from experiments.services.exploration.report_view import (
    READINGS,
    ViewRefusedError,
    is_chosen,
)
from experiments.services.reporting.full_report import full_report
from experiments.services.reporting.report_json import report_as_json, view_as_json

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


VIEW_PARAMETERS: tuple[tuple[str, tuple[str, ...] | None, str], ...] = (
    ("arm", None, "Key of the arm to compare. Any of these choices adds `view` to the report."),
    ("against", None, "Key of the arm to compare it with; the control unless said."),
    (
        "metric",
        None,
        "Primary, secondary or guardrail metric: `click_rate`, `conversion_rate:GOAL`.",
    ),
    ("segment", None, "Segment, such as `device=mobile`; everybody unless said."),
    ("from", None, "First day of the first exposures, such as 2026-11-20: one look, no verdict."),
    ("to", None, "Last day of the first exposures: one look, chosen after the fact, no verdict."),
    ("cuped", ("on", "off"), "With or without what was known before; as the report unless said."),
    ("reading", READINGS, "Fixed beside sequential, or one of them; both unless said."),
)
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
    *(
        OpenApiParameter(name, str, enum=choices, description=text)
        for name, choices, text in VIEW_PARAMETERS
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
    try:
        file = report_file(
            experiment=experiment,
            now=timezone.now(),
            file_format=cast("Format", request.accepted_renderer.format),
            language=_choice(request, "language", LANGUAGES, default="en"),
            table=_choice(request, "table", TABLES, default="arms"),
            view=request.query_params,
        )
    except ViewRefusedError as error:
        raise ValidationError({field: [text] for field, text in error.faults.items()}) from error
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, headers=headers)


def json_answer(request: Request, experiment: Experiment) -> Response:
    """Return the report as JSON, with the view that the request chooses."""
    counts = StoredCounts(experiment)
    full = full_report(experiment=experiment, now=timezone.now(), counts=counts)
    body = report_as_json(full)
    if is_chosen(request.query_params):
        try:
            chosen = chosen_comparison(request.query_params, full.report, counts)
        except ViewRefusedError as error:
            faults = {field: [text] for field, text in error.faults.items()}
            raise ValidationError(faults) from error
        body["view"] = view_as_json(chosen)
    return Response(body)


def _choice(request: Request, name: str, choices: tuple[str, ...], *, default: str) -> str:
    value = request.query_params.get(name, default)
    if value not in choices:
        raise ValidationError({name: [f"must be one of {', '.join(choices)}"]})
    return value
