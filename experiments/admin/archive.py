"""Pages of the archive: past wordings, to read and filter."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from experiments.formatting import percent
from experiments.models import HistoryArm


@admin.register(HistoryArm)
class HistoryArmAdmin(ModelAdmin[HistoryArm]):  # type: ignore[misc]
    """Rows come in by `import_history`; nobody edits the past."""

    list_display = ("text", "test", "locale", "audience", "visitors", "clicks", "rate", "simulated")
    list_filter = ("site", "locale", "audience", "is_simulated", "suspect")
    search_fields = ("text", "test")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("click rate"))
    def rate(self, arm: HistoryArm) -> str:
        return percent(arm.clicks / arm.visitors if arm.visitors else None)

    @admin.display(description=_("simulated"), boolean=True)
    def simulated(self, arm: HistoryArm) -> bool:
        return arm.is_simulated
