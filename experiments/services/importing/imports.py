"""Imports of uploaded files: preview, confirmation, the work itself, undo."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from experiments.models import Edit, Job, Upload
from experiments.services.edits.edit_log import Author
from experiments.services.edits.import_log import author_of, log_import
from experiments.services.events.store import NotTakenError
from experiments.services.importing import event_history, past_tests, wording_list
from experiments.services.importing.import_history import COUNTS_IN_WORDS
from experiments.services.importing.previews import Preview
from experiments.services.importing.table_messages import table_error_in_words
from experiments.services.importing.uploads import UploadGoneError, forget_file, path_of
from experiments.services.learning.jobs import JobFailedError, JobGoneError, ProgressCallback
from ml.history.reading import HistoryFileError
from tables.source import TableError

Kind, Status = Upload.Kind, Upload.Status
# More rows are the worker's: a page answers at once.
MOST_AT_ONCE = 5_000


class CannotImportError(Exception):
    """The file cannot be imported; its text is for people."""


def preview_of(upload: Upload) -> Preview:
    """Return the preview of an upload.

    Raises:
        CannotImportError: If its file is gone, or no table.
    """
    try:
        path = path_of(upload)
        if upload.kind == Kind.WORDINGS:
            return wording_list.preview_wordings(path, upload.options, site=upload.site)
        if upload.kind == Kind.EVENTS:
            return event_history.preview_events(path, upload.options, site=upload.site)
        return past_tests.preview_past_tests(path, upload.options)
    except UploadGoneError as error:
        raise CannotImportError(
            _("The file is not kept any more: it waits for a day. Upload it again.")
        ) from error
    except TableError as error:
        raise CannotImportError(table_error_in_words(error)) from error
    except LookupError as error:
        raise CannotImportError(_("There is no such encoding.")) from error


def confirm_upload(*, upload: Upload, note: str = "") -> bool:
    """Take an upload on to be imported; return False if it did not wait any more.

    `note`: reason, kept in the history.
    """
    # The condition inside the UPDATE is the lock: a button may be clicked twice.
    waiting = Upload.objects.filter(pk=upload.pk, status=Status.WAITING)
    if not waiting.update(status=Status.RUNNING, note=note):
        return False
    upload.status, upload.note = Status.RUNNING, note
    return True


def run_import(*, upload: Upload, progress: Callable[[float], None]) -> None:
    """Import a confirmed upload, keep its counts and delete its file.

    Raises:
        CannotImportError: If it cannot be done; the upload has failed then. A list of wordings
            has left nothing behind; past tests that were stored before can be undone.
    """
    try:
        path = path_of(upload)
        if upload.kind == Kind.WORDINGS:
            result = wording_list.import_wordings(upload, path)
        elif upload.kind == Kind.EVENTS:
            result = event_history.import_events(upload, path, progress)
        else:
            result = past_tests.import_past_tests(upload, path, progress)
    except UploadGoneError as error:
        _end(upload, status=Status.FAILED)
        raise CannotImportError(_("The file is not kept any more. Upload it again.")) from error
    except (HistoryFileError, TableError) as error:
        _end(upload, status=Status.FAILED)
        raise CannotImportError(_("The file cannot be read any more.")) from error
    except NotTakenError as error:
        _end(upload, status=Status.FAILED)
        text = _("The database does not take events now. Import the same file again later.")
        raise CannotImportError(text) from error
    except ValidationError as error:
        _end(upload, status=Status.FAILED)
        raise CannotImportError(" ".join(error.messages)) from error
    _end(upload, status=Status.DONE, result=result)


def import_in_job(request: Mapping[str, Any], report: ProgressCallback) -> dict[str, Any]:
    """Import the upload of a job.

    Raises:
        JobFailedError: If it cannot be done.
    """
    upload = Upload.objects.select_related("site").filter(pk=request["upload"]).first()
    if upload is None or upload.status != Status.RUNNING:
        raise JobFailedError(_("The upload is not there any more."))
    report(0.0, _("Reading the file"))
    try:
        run_import(upload=upload, progress=lambda part: report(part, _("Storing the rows")))
    except CannotImportError as error:
        raise JobFailedError(str(error)) from error
    except JobGoneError:
        settle(upload)
        raise
    return {"upload": upload.pk}


def settle(upload: Upload) -> None:
    """Let an upload end whose job has ended without it: stopped, or given up."""
    ended = (Job.Status.CANCELLED, Job.Status.FAILED)
    job = Job.objects.filter(pk=upload.job_id, status__in=ended).first() if upload.job_id else None
    if upload.status == Status.RUNNING and job is not None:
        _end(upload, status=Status.FAILED)


def may_be_undone(upload: Upload) -> bool:
    """Return whether what an upload stored is known well enough to be taken back."""
    return upload.undo is not None and upload.status in (Status.DONE, Status.FAILED)


@transaction.atomic
def undo_upload(*, upload: Upload, now: datetime, person: Any = None) -> str:
    """Undo an import; return a sentence about what happened.

    Raises:
        CannotImportError: If it cannot be undone.
    """
    if not may_be_undone(upload):
        raise CannotImportError(_("This import cannot be undone."))
    by = Author(now=now, person=person, way=Edit.Way.UNDO)
    try:
        if upload.kind == Kind.WORDINGS:
            sentence = wording_list.undo_wordings(upload, replace(by, note=upload.name))
        else:
            sentence = past_tests.undo_past_tests(upload)
    except wording_list.CannotUndoError as error:
        raise CannotImportError(str(error)) from error
    upload.status, upload.undo, upload.ended_at = Status.UNDONE, None, now
    upload.save(update_fields=["status", "undo", "ended_at"])
    log_import(upload, {}, by=by)
    return sentence


def result_in_words(upload: Upload) -> list[tuple[str, str]]:
    """Return the counts of an import that is done, as labels and values."""
    return COUNTS_IN_WORDS[Kind(upload.kind)](upload.result) if upload.result else []


def _end(upload: Upload, *, status: str, result: Mapping[str, int] | None = None) -> None:
    upload.status, upload.ended_at = status, timezone.now()
    upload.result = dict(result) if result is not None else None
    with transaction.atomic():
        upload.save(update_fields=["status", "ended_at", "result"])
        if result is not None:
            log_import(upload, result, by=author_of(upload, now=upload.ended_at))
    forget_file(upload)
