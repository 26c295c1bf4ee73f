"""Calculator for an analyst's table: a file or a paste in, the analysis of each metric out.

Nothing is stored: a file is read from a temporary one and deleted at once, and the text of the
table goes back to the page, so that its columns can be chosen.
"""

import csv
import io
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from experiments.pages.arms_field import DECIMALS
from experiments.pages.calculators import METHODS, SignificanceForm, calculator_page, for_members
from experiments.services.importing.table_messages import (
    ORDERS,
    arm_table_error_in_words,
    reading_in_words,
    table_error_in_words,
)
from experiments.services.reporting.statistics_messages import error_in_words
from experiments.stats.engine.fields import InvalidRequest
from experiments.stats.engine.table_analysis import analyze_table, choose_columns
from experiments.stats.engine.table_columns import ColumnChoice
from experiments.stats.engine.table_rows import ArmTableError
from tables.numbers import Decimal
from tables.reading import open_table
from tables.source import Limits, Table, TableError, as_text

# A page must answer within seconds.
LIMITS = Limits(line=100_000, characters=100_000_000, rows=200_000)
# What goes back to the page, and comes from it as text.
MOST_TEXT = 1_000_000
ROLES = ("arm", "visitors", "visitor", "day")


class TableForm(forms.Form):
    file = forms.FileField(
        label=_("File"),
        required=False,
        help_text=_("CSV or XLSX. It is read and deleted at once; nothing is stored."),
    )
    text = forms.CharField(
        label=_("Or paste the table"),
        required=False,
        max_length=MOST_TEXT,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text=_(
            "With its names of columns. A row may be a visitor, a day and arm, or a campaign."
        ),
    )
    decimal = forms.ChoiceField(
        label=_("Decimal character"),
        required=False,
        choices=(("", _("Told from the table")), (",", _("comma")), (".", _("dot"))),
    )
    method = forms.ChoiceField(label=_("Method"), choices=METHODS, initial="sequential")
    correction = SignificanceForm.base_fields["correction"]
    alpha = SignificanceForm.base_fields["alpha"]
    planned_n = SignificanceForm.base_fields["planned_n"]
    control = forms.CharField(
        label=_("Control"),
        required=False,
        max_length=200,
        help_text=_("Name of the arm that the others are compared with. Empty: told by its name."),
    )
    cap = forms.FloatField(
        label=_("Largest value of a visitor"),
        required=False,
        localize=True,
        help_text=_("Higher values are counted as this one. Empty: no cap."),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not data.get("file") and not (data.get("text") or "").strip() and not self.errors:
            raise forms.ValidationError(_("Choose a file or paste a table."))
        return data


class ColumnsForm(forms.Form):
    """Choice of the columns among those of the table that was read."""

    arm = forms.ChoiceField(label=_("Column of the arms"))
    metrics = forms.MultipleChoiceField(
        label=_("Columns to compare"), widget=forms.CheckboxSelectMultiple, required=False
    )
    visitors = forms.ChoiceField(
        label=_("Column of the visitors of a row"),
        required=False,
        help_text=_("None: each row is one visitor, or one thing a visitor did."),
    )
    visitor = forms.ChoiceField(
        label=_("Column of the visitor's ID"),
        required=False,
        help_text=_("Rows of the same visitor are added up."),
    )
    day = forms.ChoiceField(
        label=_("Column of the days"),
        required=False,
        help_text=_("The ends of days are looks of the sequential method."),
    )
    # The header for which the columns were chosen: for another table they are guessed anew.
    header = forms.CharField(widget=forms.HiddenInput, required=False)

    prefix = "columns"

    def __init__(self, *args: Any, columns: tuple[str, ...], **options: Any) -> None:
        super().__init__(*args, **options)
        names = [(name, name) for name in dict.fromkeys(columns) if name]
        for role in ROLES:
            none = [] if role == "arm" else [("", _("None"))]
            cast("forms.ChoiceField", self.fields[role]).choices = [*none, *names]
        cast("forms.ChoiceField", self.fields["metrics"]).choices = names


@for_members
def analyst_table(request: HttpRequest) -> HttpResponse:
    form = TableForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        try:
            with _opened(form.cleaned_data) as table:
                context = _answer(request, form, table)
        except TableError as error:
            form.add_error(None, table_error_in_words(error))
    context["form"] = context.get("form", form)
    return calculator_page(request, "table", _("Analysis of a table"), form, context)


def _answer(request: HttpRequest, form: TableForm, table: Table) -> dict[str, Any]:
    """Return what the page shows of a table; faults become errors of the form."""
    text = _text_of(table)
    context: dict[str, Any] = {"is_text_kept": text is not None, "columns_form": None}
    data = form.cleaned_data
    decimal = data["decimal"] or _decimal_of(table)
    try:
        choice = _choice(request, table)
        context["columns_form"] = _columns_form(table, choice)
        answer = analyze_table(
            table,
            choice,
            _options(data),
            control=data["control"] or None,
            cap=data["cap"],
            decimal=decimal,
        )
        context["answer"] = answer
        context["reading"] = list(reading_in_words(table.reading))
        order = answer["read_as"]["date_order"]
        context["date_order"] = ORDERS[order] if order else ""
    except ArmTableError as error:
        for sentence in arm_table_error_in_words(error):
            form.add_error(None, sentence)
        context["columns_form"] = context["columns_form"] or _columns_form(table, None)
    except InvalidRequest as error:
        form.add_error(None, error_in_words(error))
    context["form"] = _with_text(form, text, decimal)
    return context


def _decimal_of(table: Table) -> Decimal | None:
    """Return the decimal character of ambiguous cells: typed numbers have a point."""
    if table.reading.kind == "workbook":
        return "."
    return DECIMALS.get((get_language() or "").split("-")[0])


def _choice(request: HttpRequest, table: Table) -> ColumnChoice:
    chosen = ColumnsForm(request.POST, columns=table.columns)
    if chosen.is_valid() and chosen.cleaned_data["header"] == _header(table):
        data = chosen.cleaned_data
        roles = {role: data[role] for role in ROLES}
        return choose_columns(table, roles, metrics=data["metrics"])
    return choose_columns(table, {})


def _columns_form(table: Table, choice: ColumnChoice | None) -> ColumnsForm:
    roles = {role: getattr(choice, role) or "" for role in ROLES} if choice else {}
    initial = {**roles, "metrics": choice.metrics if choice else (), "header": _header(table)}
    return ColumnsForm(columns=table.columns, initial=initial)


def _header(table: Table) -> str:
    return "\t".join(table.columns)


def _options(data: Mapping[str, Any]) -> dict[str, Any]:
    names = ("method", "correction", "alpha")
    planned = {"planned_n": data["planned_n"]} if data["planned_n"] else {}
    return {**planned, **{name: data[name] for name in names}}


def _with_text(form: TableForm, text: str | None, decimal: str | None) -> TableForm:
    """Return the form with the table's text, so that only its columns have to be chosen."""
    if text is None:
        return form
    sent = cast("QueryDict", form.data).dict()
    again = TableForm({**sent, "text": text, "decimal": decimal or ""})
    again.full_clean()
    for errors in form.errors.values():
        for error in errors:
            again.add_error(None, str(error))
    return again


@contextmanager
def _opened(data: Mapping[str, Any]) -> Iterator[Table]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table"
        file = cast("UploadedFile[Any] | None", data.get("file"))
        if file:
            with path.open("wb") as target:
                for chunk in file.chunks():
                    target.write(chunk)
        else:
            path.write_text(data["text"], encoding="utf-8")
        yield open_table(path, limits=LIMITS, encoding=None if file else "utf-8")


def _text_of(table: Table) -> str | None:
    """Return the table as text with tabs; None if it is too long for a page."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.rows():
        writer.writerow([row.problem] if row.problem else [as_text(cell) for cell in row.cells])
        if text.tell() > MOST_TEXT - 1_000:
            return None
    return text.getvalue()
