import gzip
from datetime import date, timedelta

import pytest

from experiments.models import CTA, CTAWording, Experiment, HistoryArm
from experiments.selectors import reports
from experiments.services.learning.history_import import import_history
from experiments.services.learning.history_rows import experiment_rows, history_rows
from ml.history.reading import HistoryFileError
from tests import factories
from tests.factories import NOW, STARTED

HEADER = "test,context,text,visitors,clicks\n"


@pytest.fixture
def imported(site, tmp_path):
    """Imports a history file of these lines."""

    def run(*lines, header=HEADER, **options):
        path = tmp_path / "past.csv"
        path.write_text(header + "".join(f"{line}\n" for line in lines))
        return import_history(site=site, path=path, history_format="ctaopt", **options)

    return run


def stored(*columns):
    return list(HistoryArm.objects.order_by("pk").values_list(*columns))


def test_file_goes_into_the_archive(imported):
    header = "test,context,text,visitors,clicks,audience,locale,form,placement,ended_on,group\n"
    summary = imported("t,hero,Go,100,7,all,fr,button,footer,2026-01-31,g", header=header)
    assert (summary.read, summary.created, summary.skipped) == (1, 1, ())
    row = HistoryArm.objects.get()
    assert (row.test, row.context, row.text) == ("t", "hero", "Go")
    assert (row.visitors, row.clicks, row.ended_on) == (100, 7, date(2026, 1, 31))
    assert (row.locale, row.form, row.placement, row.group) == ("fr", "button", "footer", "g")
    assert (row.is_simulated, row.suspect) == (False, False)


def test_same_file_again_changes_nothing(imported):
    lines = ("t,,Go,100,7", "t,,Try,90,9")
    imported(*lines)
    before = stored("pk", "visitors", "clicks")
    summary = imported(*lines)
    assert (summary.created, summary.updated, summary.unchanged) == (0, 0, 2)
    assert stored("pk", "visitors", "clicks") == before


def test_corrected_counts_replace_the_old_ones(imported):
    imported("t,,Go,100,7")
    summary = imported("t,,Go,200,9", "t,,Try,90,9")
    assert (summary.created, summary.updated, summary.unchanged) == (1, 1, 0)
    assert stored("text", "visitors", "clicks") == [("Go", 200, 9), ("Try", 90, 9)]


def test_label_of_simulated_rows_can_be_corrected(imported):
    imported("t,,Go,100,7", is_simulated=True)
    assert imported("t,,Go,100,7").updated == 1
    assert HistoryArm.objects.get().is_simulated is False


def test_rows_of_one_wording_are_pooled(imported):
    summary = imported("t,,Go,100,7", "t,,Go,50,3", "t,else,Go,1,1")
    assert (summary.read, summary.created, summary.pooled) == (3, 2, 1)
    assert stored("context", "visitors", "clicks") == [("", 150, 10), ("else", 1, 1)]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("t,,Go,-1,0", "visitors"),
        ("t,,Go,10,11", "clicks"),
        ("t,,Go,ten,1", "visitors"),
        (",,Go,10,1", "test"),
        ("t,,,10,1", "text"),
    ],
)
def test_row_that_cannot_be_taken_is_named_and_the_rest_goes_in(imported, line, field):
    summary = imported("t,,Try,90,9", line, "t,,Buy,80,8")
    assert [(skip.line, skip.field) for skip in summary.skipped] == [(3, field)]
    assert stored("text") == [("Try",), ("Buy",)]


def test_file_without_a_column_stores_nothing(imported):
    with pytest.raises(HistoryFileError, match="clicks"):
        imported("t,,Go,10", header="test,context,text,visitors\n")
    assert stored("pk") == []


def test_file_that_breaks_off_stores_nothing(site, tmp_path):
    path = tmp_path / "past.csv"
    packed = gzip.compress((HEADER + "".join(f"t{i},,Go,10,1\n" for i in range(2_000))).encode())
    path.write_bytes(packed[:-200])
    with pytest.raises(HistoryFileError, match="damaged or cut short"):
        import_history(site=site, path=path, history_format="ctaopt")
    assert stored("pk") == []


def test_failure_while_storing_stores_nothing(imported, monkeypatch):
    imported("t,,Go,100,7")

    write = HistoryArm.objects.bulk_create

    def broken(arms, **options):
        if options:
            raise RuntimeError("disk full")
        return write(arms)

    monkeypatch.setattr(HistoryArm.objects, "bulk_create", broken)
    with pytest.raises(RuntimeError, match="disk full"):
        imported("t,,Go,200,9", "t,,Try,90,9")
    assert stored("text", "visitors") == [("Go", 100)]


def test_same_wording_on_two_sites_is_two_rows(imported, other_site, tmp_path):
    imported("t,,Go,100,7")
    path = tmp_path / "past.csv"
    import_history(site=other_site, path=path, history_format="ctaopt")
    assert stored("site__key") == [("shop",), ("rival",)]


def test_queries_grow_with_thousands_of_rows_only(imported, django_assert_max_num_queries):
    lines = [f"t{number},,Go,{number},0" for number in range(1, 200)]
    with django_assert_max_num_queries(8):
        imported(*lines)


@pytest.fixture
def finished(slot):
    """A stopped experiment: 10 of 100 clicked in arm `control`, 20 of 110 in arm `b`."""
    experiment = factories.make_experiment(
        slot, status="stopped", started_at=STARTED, stopped_at=NOW
    )
    control, b = experiment.variants.order_by("arm")
    factories.make_rollup(control, visitors=60, clicks=6, day=NOW.date())
    factories.make_rollup(control, visitors=40, clicks=4, day=NOW.date() - timedelta(days=1))
    factories.make_rollup(b, visitors=110, clicks=20)
    return experiment


def rows_of(experiment):
    found = reports.finished_experiments().get(pk=experiment.pk)
    return list(experiment_rows(found))


def test_finished_experiment_becomes_history(finished):
    control, b = rows_of(finished)
    assert (control.test, control.text) == ("shop:hero-test", "hero-test control")
    assert (control.visitors, control.clicks) == (100, 10)
    assert (b.text, b.visitors, b.clicks) == ("hero-test b", 110, 20)
    assert (b.locale, b.form, b.placement) == ("en", "button", "above_fold")
    assert (b.ended_on, b.suspect, b.audience) == (NOW.date(), False, "")


def test_arms_that_differ_in_wording_only_share_their_context(finished):
    control, b = rows_of(finished)
    assert control.context == b.context
    CTA.objects.filter(variants__key="b").update(size="large")
    control, b = rows_of(finished)
    assert control.context != b.context


def test_experiment_with_a_mismatched_split_is_suspect(finished):
    factories.make_rollup(finished.variants.get(arm=0), visitors=900, day=STARTED.date())
    assert all(row.suspect for row in rows_of(finished))


def test_experiment_nobody_saw_is_history_of_nothing(slot):
    experiment = factories.make_experiment(
        slot, status="stopped", started_at=STARTED, stopped_at=NOW
    )
    assert [(row.visitors, row.clicks) for row in rows_of(experiment)] == [(0, 0), (0, 0)]


def test_arm_without_wording_teaches_nothing(finished):
    CTAWording.objects.filter(cta__variants__key="b").delete()
    assert [row.text for row in rows_of(finished)] == ["hero-test control"]


def test_history_is_the_archive_and_the_finished_experiments(imported, finished):
    imported("t,,Go,100,7")
    factories.make_running_experiment(
        factories.make_slot(finished.slot.site, "footer"), "still-running"
    )
    assert [row.test for row in history_rows()] == ["t", "shop:hero-test", "shop:hero-test"]


def test_archived_experiment_still_teaches(finished):
    Experiment.objects.update(status=Experiment.Status.ARCHIVED)
    assert len(list(history_rows())) == 2


def test_history_costs_a_fixed_number_of_queries(finished, django_assert_max_num_queries):
    for number in range(3):
        slot = factories.make_slot(finished.slot.site, f"slot-{number}")
        factories.make_experiment(
            slot, f"test-{number}", status="stopped", started_at=STARTED, stopped_at=NOW
        )
    with django_assert_max_num_queries(8):
        assert len(list(history_rows())) == 8
