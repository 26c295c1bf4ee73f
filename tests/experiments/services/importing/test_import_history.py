import pytest
from django.utils import translation

from experiments.models import CTA, Edit
from experiments.services.edits.object_history import edit_lines
from experiments.services.importing.import_history import import_lines
from experiments.services.importing.imports import confirm_upload, run_import, undo_upload
from experiments.services.learning.history_import import import_for_site
from tests.factories import NOW

pytestmark = pytest.mark.django_db
TESTS = "test,text,visitors,clicks\nt,Go,1000,50\nt,Stop,1000,40\n"


def imported(upload, note=""):
    confirm_upload(upload=upload, note=note)
    run_import(upload=upload, progress=lambda _part: None)
    return upload


def test_imported_past_tests_are_a_line_of_the_site(uploaded, site, owner):
    upload = uploaded(TESTS, name="2025.csv")
    upload.created_by = owner
    upload.save()
    imported(upload, note="Of the former tool")
    with translation.override("fr"):
        [line] = import_lines(site, most=10)
    assert (line.who, line.note) == ("owner", "Of the former tool")
    assert line.what == "Importé · Tests passés · 2025.csv"
    assert {field.field: field.after for field in line.fields}["Visiteurs"] == "2\xa0000"
    assert edit_lines(site, most=10) == []


def test_imported_wordings_stand_in_the_history_of_each_cta(uploaded, site):
    imported(uploaded("name,en\nStart,Go\n", kind="wordings", destination="/go"), note="Spring")
    [line] = edit_lines(CTA.objects.get(name="Start"), most=10)
    assert (line.what, line.note) == ("Created · by an import", "file.csv · Spring")


def test_undone_import_is_a_line_more(uploaded, site, owner):
    upload = imported(uploaded("name,en\nStart,Go\n", kind="wordings", destination="/go"))
    undo_upload(upload=upload, now=NOW, person=owner)
    lines = import_lines(site, most=10, upload=upload)
    assert {line.what.split(" · ")[0] for line in lines} == {"Imported", "Import undone"}
    assert Edit.objects.filter(kind="cta", verb="delete", way="undo", author=owner).count() == 1


def test_import_by_the_command_line_is_kept_if_it_changes_something(site, tmp_path):
    path = tmp_path / "past.csv"
    path.write_text(TESTS)
    for _ in range(2):
        import_for_site(site_key=site.key, path=path, history_format="ctaopt")
    [line] = import_lines(site, most=10)
    assert line.who == "manage.py import_history"
