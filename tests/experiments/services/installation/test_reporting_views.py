from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from experiments.models import Decision, Experiment, Standing
from experiments.selectors import reports
from experiments.services.installation import reporting_views as subject
from tests import factories
from tests.experiments.services.counted_experiments import reported
from tests.experiments.services.documents.counted_metrics import make_counted
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases

PAGE = Path(__file__).parents[4] / "docs" / "warehouse.md"
MIGRATION = {"using": "default"}


@pytest.fixture
def views(db):
    subject.create_views(connection)
    yield
    subject.drop_views(connection)


@pytest.fixture
def counted(slot):
    """An experiment of three arms with values, two days, and a segment beside everybody."""
    experiment = make_counted(slot, "value")
    arm = experiment.variants.get(arm=0)
    factories.make_rollup(arm, visitors=900, clicks=90, segment="device=mobile")
    return experiment


def rows_of(query):
    """The rows of plain SQL, as a BI tool reads them."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_arms_have_the_sums_of_the_report(counted, views):
    report = reported(counted)
    rows = rows_of("SELECT * FROM reporting_arms ORDER BY experiment, arm")
    assert [row["arm_key"] for row in rows] == ["control", "b", "c"]
    for row, arm, total in zip(rows, report.arms, report.totals, strict=True):
        assert (row["site"], row["experiment"]) == ("shop", "value")
        assert (row["wording"], row["visitors"]) == (arm.text, arm.visitors)
        assert (row["clicking_visitors"], row["converting_visitors"]) == (
            arm.clicks,
            arm.conversions,
        )
        assert (row["clicks"], row["conversions"]) == (arm.all_clicks, arm.all_conversions)
        assert row["conversion_value"] == pytest.approx(float(total.value_sum))
        assert row["share"] == pytest.approx(arm.share)


def test_days_add_up_to_the_rollups_of_everybody(counted, views):
    rows = rows_of("SELECT * FROM reporting_daily_counts")
    found = {(str(row["day"]), row["arm_key"]): row["visitors"] for row in rows}
    assert found == {
        (row.day.isoformat(), row.variant.key): row.visitors
        for row in reports.rollups_of(counted).select_related("variant")
    }


def test_days_of_several_phases_are_one_row(running_experiment, views):
    arm = running_experiment.variants.get(arm=0)
    for phase in (0, 1):
        factories.make_rollup(arm, visitors=10, clicks=1, phase=phase)
    (row,) = rows_of("SELECT visitors, clicking_visitors FROM reporting_daily_counts")
    assert row == {"visitors": 20, "clicking_visitors": 2}


def test_arm_without_visitors_has_none(draft, views):
    rows = rows_of("SELECT visitors, conversion_value FROM reporting_arms")
    assert [list(row.values()) for row in rows] == [[0, 0]] * draft.variants.count()


def test_experiments_are_listed_with_their_plan(running_experiment, slot, views):
    factories.make_experiment(slot, "later")
    rows = rows_of("SELECT * FROM reporting_experiments ORDER BY experiment")
    known = {one.key: one for one in Experiment.objects.select_related("slot__site")}
    assert len(rows) == len(known) == 2
    for row in rows:
        one = known[row["experiment"]]
        assert (row["site"], row["slot"]) == (one.slot.site.key, one.slot.key)
        assert (row["status"], row["primary_metric"]) == (one.status, one.primary_metric)


def test_results_hold_verdict_and_decision(running_experiment, slot, views):
    factories.make_experiment(slot, "later")
    arm = running_experiment.variants.get(key="b")
    Standing.objects.create(
        experiment=running_experiment, computed_at=NOW, status="winner", winner=arm, lift=0.2,
        visitors=2_000, today=NOW.date(),
    )  # fmt: skip
    Decision.objects.create(
        experiment=running_experiment, outcome="winner", winner=arm, decided_at=NOW, lift=0.21,
        p_value=0.01, note="Ask Ann", visitors=2_000,
    )  # fmt: skip
    (row,) = rows_of("SELECT * FROM reporting_results")
    assert (row["verdict"], row["best_arm"], row["best_lift"]) == ("winner", "b", 0.2)
    assert (row["decision"], row["decided_arm"], row["decided_lift"]) == ("winner", "b", 0.21)
    assert (row["visitors"], row["decided_p_value"]) == (2_000, 0.01)


def test_no_view_shows_a_person_a_secret_or_a_visitor(counted, views):
    columns = {name for view in subject.VIEWS for name in columns_of(view)}
    words = {"visitor", "author", "owner", "note", "hash", "digest", "address", "token", "seed"}
    assert not {one for one in columns if words & set(one.split("_"))}
    assert not {one for one in columns if one.endswith("_key")} - {"arm_key"}


def columns_of(view):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {view} WHERE 1 = 0")  # noqa: S608  a name of ours
        return [column[0] for column in cursor.description]


@pytest.mark.parametrize("view", subject.VIEWS)
def test_every_column_is_documented(views, view):
    text = PAGE.read_text()
    assert f"`{view}`" in text
    assert [name for name in columns_of(view) if f"`{name}`" not in text] == []


def remake_standings():
    """What Django does in SQLite to alter a table."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE remade AS SELECT * FROM experiments_standing")
        cursor.execute("DROP TABLE experiments_standing")
        cursor.execute("ALTER TABLE remade RENAME TO experiments_standing")


def test_views_are_gone_before_a_migration_alters_a_table(views):
    with pytest.raises(DatabaseError):
        remake_standings()
    subject.drop_before_migration(**MIGRATION)
    remake_standings()
    subject.restore_after_migration(**MIGRATION)
    assert subject.present_views(connection) == list(subject.VIEWS)


def test_migration_makes_no_views_where_there_were_none(db):
    subject.drop_before_migration(**MIGRATION)
    subject.restore_after_migration(**MIGRATION)
    assert subject.present_views(connection) == []


def test_older_schema_gets_no_views(views, monkeypatch, caplog):
    subject.drop_before_migration(**MIGRATION)
    monkeypatch.setattr(subject.MigrationExecutor, "migration_plan", lambda *_: ["later"])
    subject.restore_after_migration(**MIGRATION)
    assert subject.present_views(connection) == []
    assert "reporting_views --create" in caplog.text


def test_command_makes_names_and_drops_the_views(db, capsys):
    call_command("reporting_views")
    assert "no view" in capsys.readouterr().out
    call_command("reporting_views", "--create")
    call_command("reporting_views", "--create")
    assert "migrate" in capsys.readouterr().out
    call_command("reporting_views")
    assert capsys.readouterr().out.strip() == f"There: {', '.join(subject.VIEWS)}."
    call_command("reporting_views", "--drop")
    assert subject.present_views(connection) == []
    with pytest.raises(CommandError, match="not allowed with"):
        call_command("reporting_views", "--create", "--drop")


def test_views_are_read_only(counted, views):
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE reporting_arms SET visitors = 0")
    assert rows_of("SELECT MIN(visitors) AS least FROM reporting_arms") == [{"least": 6_000}]
