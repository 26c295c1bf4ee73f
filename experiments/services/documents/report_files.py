"""Files of a report: JSON, CSV, XLSX, PDF, and a notebook."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal, get_args

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import translation

from experiments.models import Experiment
from experiments.services.analysis.rollup_source import Counts, StoredCounts
from experiments.services.documents.notebook.document import notebook_of
from experiments.services.documents.pdf import pdf_of
from experiments.services.exploration.chosen_comparison import (
    ChosenComparison,
    chosen_comparison,
)
from experiments.services.exploration.report_view import is_chosen, view_offer
from experiments.services.reporting.full_report import FullReport, full_report
from experiments.services.reporting.report_json import report_as_json, view_as_json
from experiments.services.reporting.report_tables import report_tables
from tables.writing import decimal_mark, write_csv

Format = Literal["json", "csv", "xlsx", "pdf", "ipynb"]
FORMATS: tuple[Format, ...] = get_args(Format)
TABLES = (
    *("arms", "experiment", "guardrails", "secondary_metrics", "segments", "days", "phases"),
    *("view", "comparisons"),
)
MEDIA_TYPES: Mapping[Format, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "ipynb": "application/x-ipynb+json",
}


class NoSuchTableError(ValueError):
    """A report has no such table; the message names those that it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFile:
    """A file of a report; its name is safe in every file system."""

    name: str
    media_type: str
    content: bytes


def report_file(
    *,
    experiment: Experiment,
    now: datetime,
    file_format: Format,
    language: str = "en",
    table: str = "arms",
    view: Mapping[str, str] = MappingProxyType({}),
) -> ReportFile:
    """Return the report of an experiment as a file.

    Args:
        experiment: As read for its report.
        now: Time of the report.
        file_format: A CSV holds one table, a workbook all that have rows.
        language: Language of its texts; with French, a CSV has semicolons and decimal commas.
        table: The table of a CSV.
        view: Choices of a comparison, as `parse_view` reads them; none without any.

    Raises:
        NoSuchTableError: If a report has no such table.
        ViewRefusedError: If the choices make no sense.
    """
    if table not in TABLES:
        raise NoSuchTableError(f"table: must be one of {', '.join(TABLES)}; not {table!r}")
    with translation.override(language):
        counts = StoredCounts(experiment)
        full = full_report(experiment=experiment, now=now, counts=counts)
        chosen = _chosen(view, full, counts) if is_chosen(view) or table == "view" else None
        content = _content(full, chosen, file_format, language=language, table=table)
    part = f"-{table}" if file_format == "csv" and table != "arms" else ""
    return ReportFile(
        name=f"{experiment.key}{part}.{file_format}",
        media_type=MEDIA_TYPES[file_format],
        content=content,
    )


def _chosen(view: Mapping[str, str], full: FullReport, counts: Counts) -> ChosenComparison | None:
    """Return the comparison that is chosen; None where nothing is, nor can be."""
    if not is_chosen(view) and view_offer(full.report, counts) is None:
        return None
    return chosen_comparison(view, full.report, counts)


def _content(
    full: FullReport,
    chosen: ChosenComparison | None,
    file_format: Format,
    *,
    language: str,
    table: str,
) -> bytes:
    if file_format == "json":
        body = report_as_json(full) | ({"view": view_as_json(chosen)} if chosen else {})
        return json.dumps(body, cls=DjangoJSONEncoder).encode()
    if file_format == "pdf":
        return pdf_of(full, chosen)
    if file_format == "ipynb":
        return notebook_of(full, chosen)
    tables = report_tables(full, chosen)
    if file_format == "xlsx":
        from tables.workbook_writing import write_workbook  # noqa: PLC0415

        return write_workbook([one for one in tables if one.rows])
    wanted = next(one for one in tables if one.key == table)
    return write_csv(wanted, decimal=decimal_mark(language))
