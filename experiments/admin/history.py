"""Pages of the archive: past wordings to read and filter, and the effects of their principles."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from experiments.admin.base import IMPORT_LINKS, SiteRowsAdmin
from experiments.admin.charts import effect_bars
from experiments.formatting import percent
from experiments.models import HistoryArm, Upload
from experiments.selectors import history
from experiments.selectors.permissions import IMPORT, may, sites_where
from experiments.services.learning.principles import principles


@admin.register(HistoryArm)
class HistoryArmAdmin(SiteRowsAdmin[HistoryArm]):
    """Rows come in by imports, here or by `import_history`; nobody edits the past."""

    list_display = ("text", "test", "locale", "audience", "visitors", "clicks", "rate", "simulated")
    list_filter = ("site", "locale", "audience", "is_simulated", "suspect")
    search_fields = ("text", "test")
    list_before_template = IMPORT_LINKS

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "principles/",
            self.admin_site.admin_view(self.principles_view),
            name="experiments_historyarm_principles",
        )
        return [own, *super().get_urls()]

    def principles_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        locale = request.GET.get("locale", "")
        sites = sites_where(request.user, "experiments.view_historyarm")
        effects = principles(sites=sites, locale=locale)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Principles"),
            "opts": self.opts,
            "tests": effects["tests"],
            "rows": _with_bars(effects["traits"]),
            "locale": locale,
            "locales": history.history_locales(sites=sites),
            "may_import": may(request.user, IMPORT[Upload.Kind.HISTORY]),
            "has_simulated": history.history_arms(sites=sites).filter(is_simulated=True).exists(),
        }
        return render(request, "admin/experiments/principles.html", context)

    @admin.display(description=_("click rate"))
    def rate(self, arm: HistoryArm) -> str:
        return percent(arm.clicks / arm.visitors if arm.visitors else None)

    @admin.display(description=_("simulated"))
    def simulated(self, arm: HistoryArm) -> str:
        return gettext("simulated") if arm.is_simulated else ""


def _with_bars(traits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the traits with their bars, those with the most evidence first."""
    measured = [trait for trait in traits if trait["lift"] is not None]
    bars = effect_bars([(trait["low"], trait["lift"], trait["high"]) for trait in measured])
    rows = [
        trait | {"bar": bar, "interval": (trait["low"], trait["high"])}
        for trait, bar in zip(measured, bars, strict=True)
    ]
    rows.sort(key=lambda trait: -trait["lift"])
    return [*rows, *(trait for trait in traits if trait["lift"] is None)]
