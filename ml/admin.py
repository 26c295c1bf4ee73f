"""The predictor's versions: what each learned from, how good it was, and the way back."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from ml import registry
from ml.models import PredictorVersion

Status = PredictorVersion.Status


@admin.register(PredictorVersion)
class PredictorVersionAdmin(ModelAdmin[PredictorVersion]):  # type: ignore[misc]
    list_display = ("number", "state", "strategy", "created_at", "promoted_at")
    list_filter = ("status", "strategy")
    fields = ("number", "state", "strategy", "artifact", "created_at", "promoted_at", "manifest")
    actions = ("roll_back",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_roll_back_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ml.change_predictorversion")

    @display(  # type: ignore[untyped-decorator]
        description=_("status"),
        label={Status.ACTIVE: "success", Status.REJECTED: "danger", Status.CANDIDATE: "info"},
    )
    def state(self, version: PredictorVersion) -> tuple[str, str]:
        return version.status, version.get_status_display()

    @admin.action(description=_("Put this version back into use"), permissions=["roll_back"])
    def roll_back(self, request: HttpRequest, queryset: QuerySet[PredictorVersion]) -> None:
        numbers = list(queryset.values_list("number", flat=True))
        if len(numbers) != 1:
            self.message_user(request, gettext("Choose one version."), messages.ERROR)
        elif registry.roll_back(numbers[0], now=timezone.now()):
            text = gettext("Version %(number)s is in use again.") % {"number": numbers[0]}
            self.message_user(request, text, messages.SUCCESS)
        else:
            self.message_user(
                request, gettext("Only a retired version can be put back."), messages.ERROR
            )
