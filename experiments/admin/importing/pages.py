"""Pages of imports: upload a file, look at what was understood, confirm, undo."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from experiments import tasks
from experiments.admin.base import IMPORT_LINKS, SiteRowsAdmin
from experiments.admin.editing.edit_history import MOST_LINES, author_of
from experiments.admin.importing.forms import (
    EventsForm,
    PastTestsForm,
    RolesForm,
    UploadForm,
    WordingsForm,
)
from experiments.models import Job, Upload
from experiments.selectors import permissions
from experiments.services.edits.object_history import Line
from experiments.services.importing.import_history import import_lines
from experiments.services.importing.imports import (
    MOST_AT_ONCE,
    CannotImportError,
    confirm_upload,
    may_be_undone,
    preview_of,
    result_in_words,
    run_import,
    settle,
    undo_upload,
)
from experiments.services.importing.previews import Preview
from experiments.services.importing.table_messages import reading_in_words
from experiments.services.importing.uploads import UploadTooLargeError, forget_file, keep_upload
from experiments.services.importing.wording_list import pasted_table
from experiments.services.learning.jobs import create_job
from experiments.services.monitoring.standstill import no_worker_runs

FORMS: dict[str, type[UploadForm]] = {
    Upload.Kind.HISTORY: PastTestsForm,
    Upload.Kind.WORDINGS: WordingsForm,
    Upload.Kind.EVENTS: EventsForm,
}
TITLES = {
    Upload.Kind.HISTORY: _("Import past tests"),
    Upload.Kind.WORDINGS: _("Import wordings"),
    Upload.Kind.EVENTS: _("Import events"),
}


@admin.register(Upload)
class UploadAdmin(SiteRowsAdmin[Upload]):
    """Imports of one's sites, those that wait for a confirmation among them."""

    list_display = ("link", "kind", "site", "status", "person", "created_at")
    list_filter = ("site", "kind", "status")
    list_display_links = None
    list_before_template = IMPORT_LINKS
    list_select_related = ("site", "created_by")
    fields = ("name", "kind", "site", "status", "size", "created_at", "ended_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        pages: list[tuple[str, Any, str]] = [
            ("past-tests/", self.past_tests_view, "past_tests"),
            ("wordings/", self.wordings_view, "wordings"),
            ("events/", self.events_view, "events"),
            ("<int:pk>/show/", self.show_view, "show"),
            ("<int:pk>/columns/", self.columns_view, "columns"),
            ("<int:pk>/confirm/", self.confirm_view, "confirm"),
            ("<int:pk>/undo/", self.undo_view, "undo"),
        ]
        own = [
            path(route, self.admin_site.admin_view(view), name=f"experiments_upload_{name}")
            for route, view, name in pages
        ]
        return [*own, *super().get_urls()]

    def page_of(self, row: Upload) -> str:
        return _url("show", row)

    def further_lines(self, request: HttpRequest, row: Upload) -> list[Line]:
        return import_lines(row.site, most=MOST_LINES, upload=row)

    @admin.display(description=_("file"), ordering="name")
    def link(self, upload: Upload) -> SafeString:
        return format_html('<a href="{}">{}</a>', _url("show", upload), upload)

    @admin.display(description=_("started by"), ordering="created_by")
    def person(self, upload: Upload) -> str:
        return str(upload.created_by or "-")

    def past_tests_view(self, request: HttpRequest) -> HttpResponse:
        return self._new(request, Upload.Kind.HISTORY)

    def wordings_view(self, request: HttpRequest) -> HttpResponse:
        return self._new(request, Upload.Kind.WORDINGS)

    def events_view(self, request: HttpRequest) -> HttpResponse:
        return self._new(request, Upload.Kind.EVENTS)

    def show_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        upload = self._found(request, pk)
        settle(upload)
        if upload.status != Upload.Status.WAITING:
            return self._page(request, "import_result.html", upload, _result_context(upload))
        try:
            preview = self._read(request, upload)
        except CannotImportError as error:
            context = {"fault": str(error), "form": None}
            return self._page(request, "import_preview.html", upload, context)
        form = RolesForm(preview=preview, encoding=upload.options.get("encoding", ""))
        return self._page(request, "import_preview.html", upload, _preview_context(preview, form))

    def columns_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Read the file again with other columns."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        upload = self._found(request, pk)
        try:
            form = RolesForm(request.POST, preview=preview_of(upload))
            if form.is_valid():
                upload.options |= form.options()
                upload.save(update_fields=["options"])
        except CannotImportError as error:
            self.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(_url("show", upload))

    def confirm_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Import what the preview shows: at once, or by the worker if it is long."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        upload = self._found(request, pk)
        try:
            preview = preview_of(upload)
            if not preview.may_be_imported:
                raise CannotImportError(gettext("Nothing can be imported: see the remarks below."))
            if confirm_upload(upload=upload, note=author_of(request).note):
                self._import(request, upload, preview)
        except CannotImportError as error:
            self.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(_url("show", upload))

    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        upload = self._found(request, pk)
        try:
            if upload.status == Upload.Status.WAITING:
                forget_file(upload)
                upload.delete()
                self.message_user(request, gettext("Dropped."), messages.SUCCESS)
                return HttpResponseRedirect(reverse("admin:experiments_upload_changelist"))
            sentence = undo_upload(upload=upload, now=timezone.now(), person=request.user)
            self.message_user(request, sentence, messages.SUCCESS)
        except CannotImportError as error:
            self.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(_url("show", upload))

    def _new(self, request: HttpRequest, kind: Upload.Kind) -> HttpResponse:
        needed = permissions.IMPORT[kind]
        if not permissions.may(request.user, needed):
            return HttpResponse(status=403)
        form = FORMS[kind](
            request.POST or None,
            request.FILES or None,
            sites=permissions.sites_where(request.user, needed),
        )
        if request.method == "POST" and form.is_valid():
            try:
                return HttpResponseRedirect(_url("show", self._kept(request, kind, form)))
            except UploadTooLargeError:
                form.add_error("file", gettext("The file is too large."))
        context = {
            **self.admin_site.each_context(request),
            "title": TITLES[kind],
            "opts": self.opts,
            "form": form,
            "kind": kind,
        }
        return render(request, "admin/experiments/import_form.html", context)

    def _kept(self, request: HttpRequest, kind: Upload.Kind, form: UploadForm) -> Upload:
        data = form.cleaned_data
        upload = Upload(
            site=data["site"],
            kind=kind,
            options=form.options(),
            created_by=request.user if request.user.is_authenticated else None,
            created_at=timezone.now(),
        )
        file: UploadedFile[Any] | None = data["file"]
        if file:
            upload.name = file.name or gettext("a file")
            keep_upload(upload, file.chunks())
            return upload
        locale = data["locale"] or data["site"].default_locale
        upload.name = gettext("pasted")
        upload.options["encoding"] = "utf-8"
        keep_upload(upload, [pasted_table(data["text"], locale=locale).encode()])
        return upload

    def _import(self, request: HttpRequest, upload: Upload, preview: Preview) -> None:
        if preview.n_good <= MOST_AT_ONCE:
            run_import(upload=upload, progress=lambda _part: None)
            return
        job = create_job(
            kind=Job.Kind.IMPORT,
            request={"upload": upload.pk},
            by=request.user if request.user.is_authenticated else None,
            now=timezone.now(),
            site=upload.site,
        )
        upload.job = job
        upload.save(update_fields=["job"])
        # The worker must find the row.
        transaction.on_commit(lambda: tasks.do_job.delay(job.pk))

    def _read(self, request: HttpRequest, upload: Upload) -> Preview:
        """Return the preview; without the encoding that was chosen, if it was a wrong one."""
        try:
            return preview_of(upload)
        except CannotImportError:
            if not upload.options.get("roles") or not upload.options.pop("encoding", ""):
                raise
            preview = preview_of(upload)
            upload.save(update_fields=["options"])
            text = gettext(
                "The file could not be read with that encoding: it is told from the file again."
            )
            self.message_user(request, text, messages.ERROR)
            return preview

    def _found(self, request: HttpRequest, pk: int) -> Upload:
        rows = self.get_queryset(request).select_related("site", "job", "created_by")
        upload: Upload = get_object_or_404(rows, pk=pk)
        if not permissions.may(request.user, permissions.IMPORT[upload.kind], upload):
            raise Http404
        return upload

    def _page(
        self, request: HttpRequest, template: str, upload: Upload, context: dict[str, Any]
    ) -> HttpResponse:
        shared = {
            **self.admin_site.each_context(request),
            "title": str(upload),
            "opts": self.opts,
            "upload": upload,
        }
        return render(request, f"admin/experiments/{template}", {**shared, **context})


def _url(page: str, upload: Upload) -> str:
    return reverse(f"admin:experiments_upload_{page}", args=[upload.pk])


def _preview_context(preview: Preview, form: RolesForm) -> dict[str, Any]:
    return {
        "preview": preview,
        "form": form,
        "reading": list(reading_in_words(preview.table.reading)),
        "first_rows": _drawn(preview.first_rows(), len(preview.chosen)),
        "n_more_remarks": preview.n_remarks - len(preview.remarks),
        "is_long": preview.n_good > MOST_AT_ONCE,
        "no_worker": preview.n_good > MOST_AT_ONCE and no_worker_runs(now=timezone.now()),
    }


def _drawn(rows: Iterable[tuple[int, list[str]]], width: int) -> list[tuple[int, list[str]]]:
    """Return rows as wide as the header."""
    return [(line, (cells + [""] * width)[:width]) for line, cells in rows]


def _result_context(upload: Upload) -> dict[str, Any]:
    job = upload.job
    is_open = upload.status == Upload.Status.RUNNING
    return {
        "job": job,
        "is_open": is_open,
        "no_worker": is_open and no_worker_runs(now=timezone.now()),
        "counts": result_in_words(upload),
        "history_url": reverse("admin:experiments_site_history", args=[upload.site_id]),
        "may_undo": may_be_undone(upload),
    }
