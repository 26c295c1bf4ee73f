"""Archive of CTAs: the filter and the actions of their list, and the button of the studio."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from experiments.admin.editing.edit_history import author_of
from experiments.admin.workflow.studio import ARCHIVE, CHANGE, VIEW, studio_url
from experiments.models import CTA
from experiments.selectors import catalogue
from experiments.selectors.permissions import may, sites_where
from experiments.services.drafting.cta_archive import archive_ctas, restore_ctas

ARCHIVED, ALL = "archived", "all"
LISTS = (
    (None, _("In use or free")),
    (ARCHIVED, _("In the archive")),
    (ALL, _("All CTAs")),
)


def archive_urls(admin_site: AdminSite) -> list[URLPattern]:
    def archive(request: HttpRequest, pk: int) -> HttpResponse:
        rows = catalogue.ctas_of(sites=sites_where(request.user, VIEW))
        cta = get_object_or_404(rows, pk=pk)
        if not may(request.user, CHANGE, cta):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        act = _restore if request.POST.get("action") == "restore" else _archive
        act(request, [cta])
        return HttpResponseRedirect(studio_url(cta))

    return [path("<int:pk>/archive/", admin_site.admin_view(archive), name=ARCHIVE)]


class ArchiveFilter(admin.SimpleListFilter):
    """Filter of the list: archived ones only if asked for."""

    title = _("availability")
    parameter_name = "archive"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return LISTS

    def choices(self, changelist: Any) -> Any:
        for value, label in LISTS:
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}, []),
                "display": label,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[CTA]) -> QuerySet[CTA]:
        if self.value() == ALL:
            return queryset
        if self.value() == ARCHIVED:
            return queryset.exclude(archived_at=None)
        return catalogue.pickable_ctas(queryset)


class ArchivedRows:
    """For the pages of CTAs: actions of the list, and what choices offer."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[CTA], search_term: str
    ) -> tuple[QuerySet[CTA], bool]:
        """Offer what is not archived where a form completes a name."""
        if request.path.endswith("/autocomplete/"):
            queryset = catalogue.pickable_ctas(queryset)
        found: tuple[QuerySet[CTA], bool] = super().get_search_results(  # type: ignore[misc]
            request, queryset, search_term
        )
        return found

    @admin.action(description=_("Archive: out of lists and choices"), permissions=["change"])
    def archive(self, request: HttpRequest, queryset: QuerySet[CTA]) -> None:
        self.refuse_unless_all(request, "change", queryset)  # type: ignore[attr-defined]
        _archive(request, queryset)

    @admin.action(description=_("Bring back from the archive"), permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[CTA]) -> None:
        self.refuse_unless_all(request, "change", queryset)  # type: ignore[attr-defined]
        _restore(request, queryset)


def _archive(request: HttpRequest, ctas: Any) -> None:
    done = archive_ctas(ctas, by=author_of(request))
    count = len(done.ctas)
    if count:
        text = ngettext("%(n)s CTA archived.", "%(n)s CTAs archived.", count)
        messages.success(request, text % {"n": count})
    for cta, reason in done.kept:
        messages.error(request, f"{cta}: {reason}")


def _restore(request: HttpRequest, ctas: Any) -> None:
    count = len(restore_ctas(ctas, by=author_of(request)))
    text = ngettext("%(n)s CTA brought back.", "%(n)s CTAs brought back.", count)
    messages.success(request, text % {"n": count})
