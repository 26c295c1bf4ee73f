"""Files of a report: JSON, CSV, XLSX, PDF, and a notebook."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import translation

from experiments.models import Experiment
from experiments.services.documents.notebook import notebook_of
from experiments.services.documents.pdf import pdf_of
from experiments.services.reporting.full_report import FullReport, full_report
from experiments.services.reporting.report_json import report_as_json
from experiments.services.reporting.report_tables import report_tables
from tables.numbers import Decimal
from tables.writing import write_csv, write_workbook

Format = Literal["json", "csv", "xlsx", "pdf", "ipynb"]
FORMATS: tuple[Format, ...] = get_args(Format)
TABLES = (*("arms", "experiment", "guardrails", "secondary_metrics", "segments", "days", "phases"),)
MEDIA_TYPES: Mapping[Format, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "ipynb": "application/x-ipynb+json",
}
# What a spreadsheet in the language expects; others write a decimal point.
_DECIMALS: Mapping[str, Decimal] = {"fr": ","}


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
) -> ReportFile:
    """Return the report of an experiment as a file.

    Args:
        experiment: As read for its report.
        now: Time of the report.
        file_format: A CSV holds one table, a workbook all that have rows.
        language: Language of its texts; with French, a CSV has semicolons and decimal commas.
        table: The table of a CSV.

    Raises:
        NoSuchTableError: If a report has no such table.
    """
    if table not in TABLES:
        raise NoSuchTableError(f"table: must be one of {', '.join(TABLES)}; not {table!r}")
    with translation.override(language):
        full = full_report(experiment=experiment, now=now)
        content = _content(full, file_format, language=language, table=table)
    part = f"-{table}" if file_format == "csv" and table != "arms" else ""
    return ReportFile(
        name=f"{experiment.key}{part}.{file_format}",
        media_type=MEDIA_TYPES[file_format],
        content=content,
    )


def _content(full: FullReport, file_format: Format, *, language: str, table: str) -> bytes:
    if file_format == "json":
        return json.dumps(report_as_json(full), cls=DjangoJSONEncoder).encode()
    if file_format == "pdf":
        return pdf_of(full)
    if file_format == "ipynb":
        return notebook_of(full)
    tables = report_tables(full)
    if file_format == "xlsx":
        return write_workbook([one for one in tables if one.rows])
    chosen = next(one for one in tables if one.key == table)
    return write_csv(chosen, decimal=_DECIMALS.get(language.split("-")[0].lower(), "."))
