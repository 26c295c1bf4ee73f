from datetime import date

import pytest

from experiments.models import HistoryArm
from experiments.services.importing.imports import confirm_upload, run_import, undo_upload
from experiments.services.importing.past_tests import preview_past_tests, result_in_words
from experiments.services.importing.uploads import path_of
from tests.factories import NOW

GOOD = (
    "# export du 3 mars\n"
    "Test;Libellé;Visiteurs;Clics;Terminé le;Note\n"
    "t1;Découvrir;12 000;600;28/11/2025;a\n"
    "t1;Voir l offre;11 900;700;03/04/2025;b\n"
)


def preview_of(upload):
    return preview_past_tests(path_of(upload), upload.options)


def do(upload):
    assert confirm_upload(upload=upload)
    run_import(upload=upload, progress=lambda _: None)
    return upload.result


def test_preview_says_what_was_understood(uploaded):
    preview = preview_of(uploaded(GOOD.encode("cp1252")))
    reading = preview.table.reading
    assert (reading.encoding, reading.delimiter, reading.lines_before) == ("cp1252", ";", 1)
    assert preview.chosen == ("test", "text", "visitors", "clicks", "ended_on", "")
    assert preview.facts == [
        ("Rows", "2"),
        ("Tests", "1"),
        ("Visitors", "23,900"),
        ("Clicks", "1,300"),
        ("Click rate", "5.44%"),
        ("Separator of thousands", "space"),
        ("Dates", "day first"),
    ]
    assert preview.first_rows()[0] == (3, ["t1", "Découvrir", "12 000", "600", "28/11/2025", "a"])
    assert preview.may_be_imported


def test_refused_lines_are_named_and_the_others_imported(uploaded):
    upload = uploaded("test,text,visitors,clicks\nt,Go,9,10\nt,Try,100,7\nt,Buy,1.23,1\n")
    preview = preview_of(upload)
    assert [(remark.line, remark.text) for remark in preview.remarks] == [
        (2, "clicks “10 > 9” are more than the visitors"),
        (4, "visitors “1.23” is not a whole number"),
    ]
    assert (preview.n_good, preview.n_refused) == (1, 2)
    assert do(upload)["created"] == 1


def test_optional_value_is_left_out_and_said(uploaded):
    preview = preview_of(uploaded("test,text,visitors,clicks,ended_on\nt,Go,100,10,someday\n"))
    (remark,) = preview.remarks
    assert not remark.is_refusal
    assert remark.text == "ended_on “someday” is not a date: left out"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("x,y,z\n1,2,3\n", "Choose the column of: test"),
        ("test\nt1\n", "The file has one column only"),
        ("test,text,text,visitors,clicks\n", "Several columns are called text"),
    ],
    ids=["unknown columns", "one column", "header twice"],
)
def test_fault_of_the_columns_is_named(uploaded, content, fault):
    preview = preview_of(uploaded(content))
    assert any(fault in one for one in preview.faults)
    assert not preview.may_be_imported


def test_columns_are_chosen_by_a_person(uploaded):
    content = "campagne,phrase,vus,cliqués,visitors\nc1,Go,100,10,7\n"
    roles = ["test", "text", "visitors", "clicks", ""]
    header = ["campagne", "phrase", "vus", "cliqués", "visitors"]
    upload = uploaded(content, header=header, roles=roles)
    assert preview_of(upload).faults == []
    do(upload)
    arm = HistoryArm.objects.get()
    assert (arm.test, arm.text, arm.visitors, arm.clicks) == ("c1", "Go", 100, 10)


def test_import_is_undone_and_changed_rows_are_as_before(uploaded):
    first = uploaded("test,text,visitors,clicks,ended_on\nt,Go,100,10,2026-01-31\n")
    do(first)
    second = uploaded("test,text,visitors,clicks\nt,Go,200,20\nt,Try,50,5\n")
    result = do(second)
    assert (result["created"], result["updated"]) == (1, 1)
    sentence = undo_upload(upload=second, now=NOW)
    assert sentence == "Deleted: 1; as before: 1."
    arm = HistoryArm.objects.get()
    assert (arm.visitors, arm.ended_on, arm.upload) == (100, date(2026, 1, 31), first)
    undo_upload(upload=first, now=NOW)
    assert not HistoryArm.objects.exists()


def test_rows_that_a_later_import_wrote_stay(uploaded):
    first = uploaded("test,text,visitors,clicks\nt,Go,100,10\nt,Try,100,5\n")
    do(first)
    do(uploaded("test,text,visitors,clicks\nt,Go,200,20\n"))
    undo_upload(upload=first, now=NOW)
    assert [(arm.text, arm.visitors) for arm in HistoryArm.objects.all()] == [("Go", 200)]


def test_same_file_again_changes_nothing(uploaded):
    do(uploaded(GOOD))
    result = do(uploaded(GOOD))
    assert (result["created"], result["unchanged"]) == (0, 2)
    assert ("Unchanged", "2") in result_in_words(result)
