"""The commands' own work: arguments in, one service called, words out."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone
from openpyxl import Workbook

from experiments.management.commands import simulate_visitors
from experiments.management.connection import ServiceError
from experiments.management.preflight import LOCK, take_lock
from experiments.management.visitor_simulation import SimulationTally
from experiments.models import Event, HistoryArm, Rollup
from tests import factories
from tests.servers import free_port

HEADER = "test,context,text,visitors,clicks"


def called(name, *arguments, **options):
    out, err = io.StringIO(), io.StringIO()
    call_command(name, *arguments, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def history(tmp_path):
    """Write a history file."""

    def write(*rows):
        path = tmp_path / "past.csv"
        path.write_text("\n".join([HEADER, *rows, ""]))
        return str(path)

    return write


def test_import_history_says_what_became_of_the_rows(site, history):
    path = history("t,,Go,100,7", "t,,Go,50,3", "t,,Start,100,9")
    out, err = called("import_history", path)
    assert "3 rows read, 2 wordings new, 0 updated, 0 unchanged, 1 rows pooled" in out
    assert err == ""
    assert "0 wordings new, 0 updated, 2 unchanged" in called("import_history", path)[0]


def test_import_history_names_the_rows_it_skipped(site, history):
    out, err = called("import_history", history("t,,Go,10,20", "t,,Try,10,2"))
    assert "1 skipped" in out
    assert err == "Skipped line 2: clicks: are more than the visitors: '20 > 10'\n"
    assert HistoryArm.objects.get().text == "Try"


def test_import_history_counts_the_skipped_rows_past_the_first_twenty(site, history):
    _, err = called("import_history", history("t,,Go,10,2", *["t,,Go,-1,0"] * 25))
    assert len(err.splitlines()) == 21
    assert err.endswith("... and 5 more rows skipped.\n")


def test_import_history_tells_how_it_read_the_file(site, tmp_path):
    path = tmp_path / "past.csv"
    text = "test;text;visitors;clicks;ended_on;note\r\nt;Découvrir;12 800;640;28/11/2026;x\r\n"
    path.write_bytes(text.encode("cp1252"))
    out, _ = called("import_history", str(path))
    assert out.splitlines()[0] == (
        "Read as cp1252 (the likeliest; see --encoding); columns by semicolon; thousands by space; "
        "dates day first; columns not used: note."
    )
    assert "12,800 visitors and 640 clicks in all." in out


def test_import_history_tells_which_sheet_it_read(site, tmp_path):
    book = Workbook()
    book.active.append(["test", "text", "visitors", "clicks"])
    book.active.append(["t", "Go", 100, 7])
    book.create_sheet("Notes").append(["mine"])
    book.save(tmp_path / "past.xlsx")
    out, _ = called("import_history", str(tmp_path / "past.xlsx"))
    assert out.startswith("Read as sheet 'Sheet' (1 more not read).\n")


def test_import_history_takes_a_row_without_an_optional_value_it_cannot_use(site, tmp_path):
    path = tmp_path / "past.csv"
    path.write_text("test,text,visitors,clicks,ended_on\nt,Go,100,7,soon\n")
    _, err = called("import_history", str(path))
    assert err == "Left out a value: line 2: ended_on: is not a date: 'soon'\n"
    assert HistoryArm.objects.get().ended_on is None


def test_import_history_fails_where_no_row_could_be_taken(site, history):
    with pytest.raises(CommandError, match="no row could be taken"):
        called("import_history", history("t,,Go,-1,0"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"test,text\nt,Go\n", "missing column"),
        (b"", "empty"),
        (b"\x1f\x8b\x08half a gzip file", "past.csv"),
    ],
    ids=["columns", "empty", "half-written"],
)
def test_import_history_refuses_a_file_it_cannot_read(site, tmp_path, content, message):
    path = tmp_path / "past.csv"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=message) as refusal:
        called("import_history", str(path))
    assert "\n" not in str(refusal.value)
    assert not HistoryArm.objects.exists()


def test_import_history_refuses_an_unknown_site(site, history):
    with pytest.raises(CommandError, match="no site 'nix'"):
        called("import_history", history("t,,Go,10,1"), site="nix")


@pytest.fixture
def exposed(running_experiment):
    """One visitor who saw the control."""
    return factories.make_event(running_experiment.variants.get(arm=0))


def test_fold_rollups_counts_what_waits(exposed):
    assert called("fold_rollups")[0] == "1 events folded.\n"
    assert called("fold_rollups")[0] == "0 events folded.\n"
    assert Rollup.objects.get().visitors == 1


def test_rebuild_rollups_counts_again(exposed):
    factories.make_rollup(exposed.variant, visitors=99)
    assert "counted again" in called("rebuild_rollups", "hero-test")[0]
    assert Rollup.objects.get().visitors == 1


def test_rebuild_rollups_refuses_an_unknown_experiment_before_any_work(exposed):
    factories.make_rollup(exposed.variant, visitors=99)
    with pytest.raises(CommandError, match="no experiment 'nix'"):
        called("rebuild_rollups", "hero-test", "nix")
    assert Rollup.objects.get().visitors == 99


def test_rebuild_rollups_keeps_imported_figures(site):
    factories.make_library_experiment(site)
    with pytest.raises(CommandError, match="library were imported"):
        called("rebuild_rollups", "library")
    assert Rollup.objects.count() == 5


@pytest.fixture
def sent(monkeypatch):
    """What simulate_visitors would send; two visitors in each arm, one click in all."""
    visits = []

    def simulate(these):
        visits.append(these)
        tally = SimulationTally(accepted=5)
        tally.shown.update({"control": 2, "b": 2})
        tally.clicked.update({"control": 0, "b": 1})
        return tally

    monkeypatch.setattr(simulate_visitors, "simulate", simulate)
    return visits


def test_simulate_visitors_shows_the_true_rates_beside_the_sent_ones(sent):
    out, _ = called("simulate_visitors", "--rates", "control=0.04,b=0.5,c=0.1")
    rows = [line.split() for line in out.splitlines()[2:5]]
    assert rows == [
        ["control", "4.00%", "2", "0", "0.00%"],
        ["b", "50.00%", "2", "1", "50.00%"],
        ["c", "10.00%", "0", "0", "-"],
    ]
    assert "5 accepted, 0 known before" in out


def test_simulate_visitors_takes_the_demos_rates_by_default(sent):
    called("simulate_visitors", "--since", "2026-11-20T10:00:00Z", "--days", "1.5")
    assert sent[0].rates == {"control": 0.04, "b": 0.055, "c": 0.062, "d": 0.036}
    assert (sent[0].since, sent[0].spread) == (
        datetime(2026, 11, 20, 10, tzinfo=UTC),
        timedelta(days=1.5),
    )


def test_simulate_visitors_takes_a_day_from_its_midnight(sent):
    called("simulate_visitors", "--since", "2026-11-18")
    assert sent[0].since == datetime(2026, 11, 18, tzinfo=UTC)


def test_simulate_visitors_finds_the_demo_that_runs(sent, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    with take_lock(tmp_path / LOCK, address="http://127.0.0.1:8017"):
        called("simulate_visitors")
        called("simulate_visitors", "--url", "http://127.0.0.1:8018")
    called("simulate_visitors")
    urls = [f"http://127.0.0.1:{port}" for port in (8017, 8018, 8000)]
    assert [visits.url for visits in sent] == urls


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--rates", "control", "'control' is not an arm and a rate"),
        ("--rates", "control=1.2", "the rate of control lies outside 0 to 1"),
        ("--rates", "control=nan", "the rate of control lies outside 0 to 1"),
        ("--visitors", "0", "0 is not positive"),
        ("--visitors", "many", "invalid"),
        ("--since", "yesterday", "'yesterday' is not a moment"),
        ("--since", "2026-11-20T10:00", "is not a moment"),
        ("--since", "2026-11-40T10:00Z", "day is out of range|is not a moment"),
    ],
)
def test_simulate_visitors_refuses_what_makes_no_sense(sent, option, value, message):
    with pytest.raises(CommandError, match=message):
        called("simulate_visitors", option, value)
    assert sent == []


def test_simulate_visitors_says_in_one_line_what_the_service_refused(monkeypatch):
    def refuse(_):
        raise ServiceError("/ofrep: HTTP 401: the key is unknown")

    monkeypatch.setattr(simulate_visitors, "simulate", refuse)
    with pytest.raises(CommandError, match="the key is unknown"):
        called("simulate_visitors")


def test_erase_visitor_says_what_is_gone(running_experiment):
    factories.make_event(running_experiment.variants.get(key="b"))
    out, _ = called("erase_visitor", "v-1", site="shop")
    assert out == "1 events erased, taken out of 0 experiments.\n"
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("key", "reason"), [("none", "no site 'none'"), ("shop", "Nothing is known of 'v-9' on shop")]
)
def test_erase_visitor_names_what_is_unknown(running_experiment, key, reason):
    with pytest.raises(CommandError, match=reason):
        called("erase_visitor", "v-9", site=key)


def test_erase_visitor_asks_to_repeat_while_redis_is_silent(running_experiment, settings):
    settings.CTAOPT_EVENTS_URL = f"redis://127.0.0.1:{free_port()}/0"
    with pytest.raises(CommandError, match="Not all is erased; repeat it") as refusal:
        called("erase_visitor", "v-1", site="shop")
    assert str(refusal.value).count("repeat it") == 1


def test_export_visitor_writes_json(running_experiment):
    factories.make_event(running_experiment.variants.get(key="b"))
    out, _ = called("export_visitor", "shop", "v-1", format="json")
    assert json.loads(out)["counts"]["events"] == 1


@pytest.mark.parametrize(
    ("key", "reason"), [("none", "no site 'none'"), ("shop", "Nothing is known of 'v-9' on shop")]
)
def test_export_visitor_names_what_is_unknown(running_experiment, key, reason):
    with pytest.raises(CommandError, match=reason):
        called("export_visitor", key, "v-9")


def test_export_visitor_asks_to_repeat_while_redis_is_silent(running_experiment, settings):
    settings.CTAOPT_EVENTS_URL = f"redis://127.0.0.1:{free_port()}/0"
    with pytest.raises(CommandError, match="Nothing is exported; repeat it"):
        called("export_visitor", "shop", "v-1")


def test_drop_old_events_says_what_would_go_and_what_went(transactional_db, settings):
    experiment = factories.make_running_experiment(factories.make_slot(factories.make_site()))
    at = datetime.now(UTC) - timedelta(days=120)
    factories.make_event(experiment.variants.get(key="b"), at=at)
    settings.CTAOPT_EVENT_DAYS = 100
    assert "1 events would be dropped" in called("drop_old_events", dry_run=True)[0]
    assert Event.objects.count() == 1
    assert "1 events dropped" in called("drop_old_events")[0]
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [({}, "CTAOPT_EVENT_DAYS is 0"), ({"days": 89}, "89 is less than 90")],
)
def test_drop_old_events_refuses_to_guess(db, settings, options, reason):
    settings.CTAOPT_EVENT_DAYS = 0
    with pytest.raises(CommandError, match=reason):
        called("drop_old_events", **options)


def test_check_keys_names_what_ends_and_fails(site):
    assert "No key ends within 14 days." in called("check_keys")[0]
    ends_at = timezone.now() + timedelta(days=20)
    factories.make_server_key(site, expires_at=ends_at)
    assert "No key ends" in called("check_keys")[0]
    out = io.StringIO()
    with pytest.raises(CommandError, match="Keys that end within 30 days: 1"):
        call_command("check_keys", days=30, stdout=out)
    assert "backend (shop-server-…) expires on" in out.getvalue()
