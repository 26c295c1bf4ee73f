"""History of a row on a page of its own: forms write its lines, and the page shows them all."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from experiments.services.edits.edit_log import (
    LOGGED,
    Author,
    log_edit,
    log_removal,
    stored_content,
)
from experiments.services.edits.object_history import Line, edit_lines

TEMPLATE = "admin/experiments/edit_history.html"
# The optional field of a form with the reason of an edit.
WHY = "_why"
LONGEST_REASON = 500
LINES_OF_PAGE = 50
# Older lines are in the database.
MOST_LINES = 1_000


class EditHistory:
    """For pages of rows: what a form saves is logged, and the history shows it."""

    change_form_after_template = "admin/experiments/why.html"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        vars(request)["content_before"] = stored_content(obj) if change else []
        super().save_model(request, obj, form, change)  # type: ignore[misc]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        log_edit(obj, before=[], by=author_of(request))
        return super().log_addition(request, obj, message)  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        # An action of a list has no form, and writes its own line.
        before = vars(request).get("content_before")
        if before is not None:
            log_edit(obj, before=before, by=author_of(request))
        return super().log_change(request, obj, message)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for row in queryset:
            log_removal(row, by=author_of(request))
        return super().log_deletions(request, queryset)  # type: ignore[misc]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        may_save = row is not None and self.has_change_permission(request, row)  # type: ignore[attr-defined]
        asks = may_save and self.model in LOGGED.values()  # type: ignore[attr-defined]
        context |= {"asks_why": asks, "why": request.POST.get(WHY, "")}
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return response

    def further_lines(self, request: HttpRequest, row: Any) -> list[Line]:
        """Return what happened to the row beside its edits."""
        return []

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        row: Model = self.get_object(request, object_id)  # type: ignore[attr-defined]
        if not self.has_view_or_change_permission(request, row):  # type: ignore[attr-defined]
            raise PermissionDenied
        lines = [*edit_lines(row, most=MOST_LINES), *self.further_lines(request, row)]
        lines.sort(key=lambda one: one.at, reverse=True)
        page = Paginator(lines, LINES_OF_PAGE).get_page(request.GET.get("p"))
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "title": _("History"),
            "opts": self.opts,  # type: ignore[attr-defined]
            "row": row,
            "row_url": self.page_of(row),
            "page": page,
        }
        return render(request, TEMPLATE, context)

    def page_of(self, row: Any) -> str:
        """Return the address of the page to which the history belongs."""
        raise NotImplementedError


def author_of(request: HttpRequest) -> Author:
    """Return the person who posts a form, with the reason that stands in it."""
    note = " ".join(request.POST.get(WHY, "").split())[:LONGEST_REASON]
    return Author(now=timezone.now(), person=request.user, note=note)
