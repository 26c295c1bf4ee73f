"""Filters of the archive beyond its columns: principle, tag, days, A/A tests."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from experiments.models import PastTest
from experiments.selectors import history, reports
from experiments.selectors.permissions import sites_where
from ml import predict

VIEW = "experiments.view_pasttest"


class PastPrincipleFilter(admin.SimpleListFilter):
    """Past tests with a wording that uses the principle."""

    title = _("principle")
    parameter_name = "principle"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(predict.trait_names().items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[PastTest]) -> QuerySet[PastTest]:
        chosen = self.value()
        return history.with_entry(queryset, "principles", chosen) if chosen else queryset


class PastTagFilter(admin.SimpleListFilter):
    """Past tests that bear the tag, or whose CTA does; left out where no site has one."""

    title = _("tag")
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        sites = sites_where(request.user, VIEW)
        return [(name, name) for name in history.tag_names(sites=sites)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PastTest]) -> QuerySet[PastTest]:
        chosen = self.value()
        return history.with_tag(queryset, chosen) if chosen else queryset


class PastOwnerFilter(admin.SimpleListFilter):
    """Past tests for which somebody was responsible; left out where nobody was."""

    title = _("responsible")
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        people = history.owners_of_past_tests(sites=sites_where(request.user, VIEW))
        return [(str(person.pk), str(person)) for person in people]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PastTest]) -> QuerySet[PastTest]:
        chosen = self.value()
        if chosen is None:
            return queryset
        known = {key for key, _label in self.lookup_choices}
        if chosen not in known:
            return queryset.none()
        return queryset.filter(experiment__owner=int(chosen))


class YearFilter(admin.SimpleListFilter):
    """Past tests that ended in the year."""

    title = _("year")
    parameter_name = "year"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        years = history.years_of_past_tests(sites=sites_where(request.user, VIEW))
        return [(str(year), str(year)) for year in years]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PastTest]) -> QuerySet[PastTest]:
        years = {key for key, _label in self.lookup_choices}
        chosen = self.value()
        if chosen is None:
            return queryset
        # A year that no test ended in, or no year at all.
        return queryset.filter(ended_on__year=int(chosen)) if chosen in years else queryset.none()


class EndedForm(forms.Form):
    """First and last day; the names are those of the API."""

    ended_from = forms.DateField(label=_("From"), required=False)
    ended_to = forms.DateField(label=_("To"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # Browsers send days so in every language.
            field.widget = UnfoldAdminTextInputWidget(attrs={"type": "date"})
            field.localize = False
            field.input_formats = ["%Y-%m-%d"]  # type: ignore[attr-defined]
            field.error_messages["invalid"] = _("Write a day as 2026-03-31.")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = cleaned.get("ended_from"), cleaned.get("ended_to")
        if first and last and first > last:
            self.add_error("ended_to", gettext("The last day is before the first."))
        return cleaned

    @property
    def problems(self) -> list[str]:
        """Return each error as a sentence that names its field."""
        return [
            gettext("%(label)s: %(error)s") % {"label": self.fields[name].label, "error": error}
            for name, errors in self.errors.items()
            for error in errors
        ]


class EndedFilter(admin.ListFilter):
    """Past tests that ended between two days, both included; no test while one cannot be read."""

    title = _("end")
    template = "admin/experiments/past_tests/ended_filter.html"

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        for name in self.expected_parameters():
            if name in params:
                self.used_parameters[name] = params.pop(name)[-1]
        self.form = EndedForm(self.used_parameters)

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(EndedForm.base_fields)

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """Yield the form, and what else stands in the address of the list."""
        left_out = {*self.expected_parameters(), "p", "e"}
        others = [
            (name, value)
            for name, values in self.request.GET.lists()
            for value in values
            if name not in left_out
        ]
        everything = changelist.get_query_string(remove=self.expected_parameters())
        yield {"form": self.form, "others": others, "everything": everything}

    def queryset(self, request: HttpRequest, queryset: QuerySet[PastTest]) -> QuerySet[PastTest]:
        if not self.form.is_valid():
            # The page says it above the list: the form is in a panel that may be closed.
            vars(request)["filter_problems"] = self.form.problems
            return queryset.none()
        first: date | None = self.form.cleaned_data["ended_from"]
        last: date | None = self.form.cleaned_data["ended_to"]
        return history.ended_between(queryset, first=first, last=last)


class AaFilter(admin.SimpleListFilter):
    """Past tests whose arms all showed one CTA, or the others."""

    title = _("A/A tests")
    parameter_name = "aa"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("only", _("A/A tests only")), ("none", _("Without A/A tests"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PastTest]) -> QuerySet[PastTest]:
        is_aa = Q(experiment__in=reports.with_one_cta())
        conditions = {"only": is_aa, "none": ~is_aa}
        return queryset.filter(conditions.get(self.value() or "", Q()))
