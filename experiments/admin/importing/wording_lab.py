"""Pages of the wording lab: a long list is pasted or uploaded, sorted by a worker, filtered."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from experiments.admin.importing.forms import TableFileForm
from experiments.formatting import count
from experiments.models import Job
from experiments.services.documents.report_files import MEDIA_TYPES
from experiments.services.importing.table_messages import table_error_in_words
from experiments.services.learning.wording_lab import (
    MOST_WORDINGS,
    ColumnChoice,
    ListFilter,
    NoSuchColumnError,
    WordingList,
    list_file,
    list_in_words,
    list_request,
    read_column,
    shown_rows,
    wording_list,
)
from ml import predict
from tables.source import TableError

ON_A_PAGE = 25
FORMATS = ("csv", "xlsx")


class LabForm(TableFileForm):
    """A list of wordings, pasted, or a column of a file."""

    wordings = forms.CharField(
        label=_("Wordings"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("One per line."),
    )
    file = forms.FileField(label=_("Or a file"), required=False)
    column = forms.CharField(
        label=_("Column of the file"),
        required=False,
        help_text=_("Its name in the first line. Empty: the column of texts is found by itself."),
    )
    locale = forms.ChoiceField(
        label=_("Language of the wordings"), choices=(("fr", _("French")), ("en", _("English")))
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.choice: ColumnChoice | None = None
        self.list: WordingList | None = None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        if file := cast("UploadedFile[Any] | None", data.get("file")):
            if data.get("wordings", "").strip():
                raise forms.ValidationError(_("Paste wordings or choose a file, not both."))
            self.choice = self._read(file, data.get("column", ""))
        lines = data.get("wordings", "").splitlines()
        self.list = self.choice.wordings if self.choice else wording_list(lines)
        self._check(self.list)
        return data

    def _read(self, file: "UploadedFile[Any]", column: str) -> ColumnChoice:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "list"
            path.write_bytes(b"".join(file.chunks()))
            try:
                return read_column(path, column=column)
            except TableError as error:
                raise forms.ValidationError(table_error_in_words(error)) from error
            except NoSuchColumnError as error:
                text = _("The file has no column “%(name)s”. It has: %(columns)s.")
                said = {"name": column, "columns": str(error)}
                raise forms.ValidationError(text % said) from error

    def _check(self, found: WordingList) -> None:
        if not found.texts:
            raise forms.ValidationError(_("There is no wording to sort."))
        if found.is_too_many:
            text = _("%(n)s wordings; at most %(most)s are sorted at a time.")
            said = {"n": count(len(found.texts)), "most": count(MOST_WORDINGS)}
            raise forms.ValidationError(text % said)


class FilterForm(forms.Form):
    """Conditions on a sorted list, in the address."""

    use_required_attribute = False

    text = forms.CharField(label=_("Contains"), required=False)
    shortest = forms.IntegerField(label=_("Characters, at least"), required=False, min_value=1)
    longest = forms.IntegerField(label=_("Characters, at most"), required=False, min_value=1)
    principle = forms.ChoiceField(label=_("Principle"), required=False)

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        names = predict.trait_names()
        field = cast("forms.ChoiceField", self.fields["principle"])
        field.choices = [("", _("Any")), *names.items()]

    def chosen(self) -> ListFilter:
        """Return the conditions that make sense; the others are named beside their fields."""
        self.full_clean()
        return ListFilter(**{name: value for name, value in self.cleaned_data.items() if value})


def lab_view(
    request: HttpRequest, enqueue: Callable[[dict[str, Any]], HttpResponse]
) -> HttpResponse | dict[str, Any]:
    """Return what a page of the lab shows, or the answer to a list that is sorted now."""
    form = LabForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid() or form.list is None:
        return {"form": form}
    file = cast("UploadedFile[Any] | None", form.cleaned_data["file"])
    return enqueue(
        list_request(
            form.list,
            locale=form.cleaned_data["locale"],
            choice=form.choice,
            file_name=(file.name or "") if file else "",
        )
    )


def typed_list(job: Job) -> dict[str, Any] | None:
    """Return what a page shows of the list that a job sorts; None if it does something else.

    The list itself, of up to a megabyte, is not read where the result says it.
    """
    if job.kind != Job.Kind.RANKING:
        return None
    typed: dict[str, Any] | None = (job.result or {}).get("typed")
    if typed is None and job.request.get("is_list"):
        typed = list_in_words(job.request)
    return typed


def list_context(job: Job, query: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page of a sorted list, as its address filters it."""
    result = job.result or {}
    form = FilterForm(query)
    rows = shown_rows(result, form.chosen())
    names = predict.trait_names()
    page = Paginator(rows, ON_A_PAGE).get_page(query.get("page"))
    kept = {name: query[name] for name in form.fields if query.get(name)}
    return {
        "filter_form": form,
        "filter_query": urlencode(kept),
        "list": result,
        "n_wordings": len(result["wordings"]),
        "rows": [(row, [names[key] for key in row["principles"] if key in names]) for row in page],
        "rows_page": page,
        "locale": result.get("locale") or job.request["locale"],
    }


def list_response(job: Job, query: Mapping[str, Any], file_format: str) -> HttpResponse:
    """Return the wordings that the address lets through, as a file."""
    rows = shown_rows(job.result or {}, FilterForm(query).chosen())
    name = f"wordings-{job.pk}.{file_format}"
    return HttpResponse(
        list_file(rows, file_format=file_format),
        content_type=MEDIA_TYPES["csv" if file_format == "csv" else "xlsx"],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def chosen_in_lab(request: HttpRequest) -> dict[str, str]:
    """Return what the form begins with: wordings that were chosen from a sorted list."""
    wordings = request.GET.getlist("wording")[: predict.PAGE_WORDINGS]
    locale = request.GET.get("locale", "")
    return {"wordings": "\n".join(wordings)} | ({"locale": locale} if locale else {})
