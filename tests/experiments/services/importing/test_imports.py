import gzip
import zipfile

import pytest

from experiments.models import HistoryArm, Job, Upload
from experiments.services.importing.imports import (
    CannotImportError,
    confirm_upload,
    import_in_job,
    may_be_undone,
    preview_of,
    run_import,
    settle,
    undo_upload,
)
from experiments.services.importing.uploads import path_of
from experiments.services.learning.jobs import JobFailedError, JobGoneError
from tests.factories import NOW

ROWS = "test,text,visitors,clicks\nt,Go,100,10\nt,Try,100,12\n"


def zip_of(tmp_path, **parts):
    path = tmp_path / "book.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty"),
        (b"\x00\x01\x02" * 50, "The file has one column only"),
        (gzip.compress(b"x" * 2_000_000), "far too long for a table"),
        (gzip.compress(ROWS.encode())[:-9], "damaged or cut short"),
        (b"PK\x03\x04 broken", "neither a CSV nor an XLSX"),
        (b"\xd0\xcf\x11\xe0 an old workbook", "neither a CSV nor an XLSX"),
    ],
    ids=["empty", "binary", "endless line", "cut gzip", "broken zip", "xls"],
)
def test_what_is_no_table_is_refused_in_a_sentence(uploaded, content, message):
    try:
        faults = preview_of(uploaded(content)).faults
    except CannotImportError as error:
        faults = [str(error)]
    assert message in faults[0]


def test_zip_bomb_is_not_unpacked(uploaded, tmp_path):
    bomb = zip_of(tmp_path, xl__workbook_xml=b"<x/>", xl__worksheets__sheet1_xml=b"0" * 200_000_000)
    assert len(bomb) < 1_000_000
    with pytest.raises(CannotImportError, match="too large once it is unpacked"):
        preview_of(uploaded(bomb))


def test_confirmation_counts_once(uploaded):
    upload = uploaded(ROWS)
    assert confirm_upload(upload=upload)
    assert not confirm_upload(upload=Upload.objects.get())


def test_file_is_deleted_once_it_is_imported(uploaded, upload_folder):
    upload = uploaded(ROWS)
    confirm_upload(upload=upload)
    run_import(upload=upload, progress=lambda _: None)
    assert list(upload_folder.iterdir()) == []
    assert (upload.status, upload.result["created"]) == ("done", 2)


def test_file_that_is_gone_is_said(uploaded):
    upload = uploaded(ROWS)
    path_of(upload).unlink()
    with pytest.raises(CannotImportError, match="waits for a day"):
        preview_of(upload)
    confirm_upload(upload=upload)
    with pytest.raises(CannotImportError, match="Upload it again"):
        run_import(upload=upload, progress=lambda _: None)
    assert Upload.objects.get().status == "failed"


def test_job_reports_its_progress(uploaded):
    upload = uploaded(ROWS)
    confirm_upload(upload=upload)
    news = []
    result = import_in_job({"upload": upload.pk}, lambda *one: news.append(one))
    assert result == {"upload": upload.pk}
    assert news == [(0.0, "Reading the file"), (1.0, "Storing the rows")]


def test_job_of_nothing_fails(db):
    with pytest.raises(JobFailedError):
        import_in_job({"upload": 1}, lambda *_: None)


def job_of(upload, status):
    moments = {"created_at": NOW, "heartbeat_at": NOW, "language": "en"}
    upload.job = Job.objects.create(kind="import", site=upload.site, status=status, **moments)
    upload.save()


def test_stopped_job_ends_the_import_which_can_be_undone(uploaded):
    upload = uploaded(ROWS)
    confirm_upload(upload=upload)
    job_of(upload, "cancelled")

    def report(part, _):
        if part:
            raise JobGoneError(upload.job_id)

    with pytest.raises(JobGoneError):
        import_in_job({"upload": upload.pk}, report)
    upload.refresh_from_db()
    assert (upload.status, HistoryArm.objects.count()) == ("failed", 2)
    undo_upload(upload=upload, now=NOW)
    assert not HistoryArm.objects.exists()


@pytest.mark.parametrize(
    ("job", "status"), [("cancelled", "failed"), ("failed", "failed"), ("running", "running")]
)
def test_import_ends_with_its_job(uploaded, job, status):
    upload = uploaded(ROWS)
    confirm_upload(upload=upload)
    job_of(upload, job)
    settle(upload)
    assert upload.status == status


def test_import_is_undone_once(uploaded):
    upload = uploaded(ROWS)
    with pytest.raises(CannotImportError, match="cannot be undone"):
        undo_upload(upload=upload, now=NOW)
    confirm_upload(upload=upload)
    run_import(upload=upload, progress=lambda _: None)
    assert may_be_undone(upload)
    undo_upload(upload=upload, now=NOW)
    assert not may_be_undone(upload)
    assert Upload.objects.get().status == "undone"
