"""Filters of the archive that are no plain columns: principle, tag, year, A/A tests."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

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
