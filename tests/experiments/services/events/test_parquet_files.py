"""Events as files: written once, vouched for, and taken in again as they were."""

import json
from datetime import timedelta
from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from experiments.models import Event, Rollup
from experiments.services.events.parquet_files import (
    MAX_MANIFEST_BYTES,
    EventFilesError,
    export_events,
    import_events,
)
from experiments.services.operations.event_retention import drop_old_events
from experiments.services.operations.visitor_erasure import erase_visitor
from experiments.services.rollups.folding import fold_pending
from tests import factories
from tests.experiments.services.operations.test_event_retention import id_of, send_at
from tests.experiments.services.sending import sent
from tests.factories import NOW, event_message

DAY = timedelta(days=1)


def written(site, folder):
    """The days that an export had to write."""
    return [file.day.day for file, is_new in export_events(site=site, folder=folder) if is_new]


def stored():
    """All events as plain values."""
    rows = Event.objects.order_by("event_id").values()
    return [{name: value for name, value in row.items() if name != "batch"} for row in rows]


@pytest.fixture
def shop(running_experiment):
    """The shop with an event of each kind, on two days."""
    attributes = {"device": "mobile", "locale": "fr", "country": "FR", "new_visitor": True}
    send_at(NOW - DAY, attributes=attributes)
    send_at(NOW - DAY, "click")
    send_at(NOW, "conversion", value=0.1, currency="EUR")
    send_at(NOW, "conversion", visitor="v-2", goal="read")
    return running_experiment.slot.site


def test_files_hold_a_day_each_in_the_layout(shop, tmp_path):
    assert written(shop, tmp_path) == [21, 22]
    rows = pq.read_table(tmp_path / "day=2026-11-22" / "events.parquet").to_pylist()
    assert [row["value"] for row in rows] == [Decimal("0.1"), None]
    manifest = json.loads((tmp_path / "_manifest.json").read_text())
    assert [day["rows"] for day in manifest["days"]] == [2, 2]


def test_export_again_writes_what_is_new(shop, tmp_path):
    written(shop, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    assert written(shop, tmp_path) == []
    late = event_message(id=id_of(NOW - DAY), at=(NOW - DAY).isoformat(), visitor="late")
    sent(late, now=NOW + DAY)
    assert written(shop, tmp_path) == [21]
    assert {path for path, content in before.items() if path.read_bytes() != content} == {
        tmp_path / "day=2026-11-21" / "events.parquet"
    }


def test_export_that_broke_off_goes_on(shop, tmp_path):
    export = export_events(site=shop, folder=tmp_path)
    next(export)
    export.close()
    (tmp_path / "day=2026-11-22").mkdir()
    (tmp_path / "day=2026-11-22" / "events.draft").write_text("half a file")
    assert written(shop, tmp_path) == [22]
    assert not list(tmp_path.rglob("*.draft"))


def test_lost_file_is_written_again(shop, tmp_path):
    written(shop, tmp_path)
    (tmp_path / "day=2026-11-21" / "events.parquet").unlink()
    assert written(shop, tmp_path) == [21]


def test_erased_visitor_leaves_the_files(shop, tmp_path):
    written(shop, tmp_path)
    erase_visitor(site=shop, visitor="v-1", now=NOW)
    assert written(shop, tmp_path) == [22]
    assert [path.parent.name for path in tmp_path.rglob("*.parquet")] == ["day=2026-11-22"]
    table = pq.read_table(tmp_path / "day=2026-11-22" / "events.parquet")
    assert table["visitor"].to_pylist() == ["v-2"]


def test_days_that_were_dropped_keep_their_files(transactional_db, tmp_path):
    slot = factories.make_slot(factories.make_site())
    factories.make_running_experiment(slot, started_at=NOW - 200 * DAY)
    for days in (150, 1):
        send_at(NOW - days * DAY)
    assert len(written(slot.site, tmp_path)) == 2
    drop_old_events(now=NOW, keep_days=100)
    assert written(slot.site, tmp_path) == []
    assert len(list(tmp_path.rglob("*.parquet"))) == 2


def test_folder_of_another_site_is_refused(shop, other_site, tmp_path):
    written(shop, tmp_path)
    for move in (export_events, import_events):
        with pytest.raises(EventFilesError, match="holds the events of site 'shop'"):
            list(move(site=other_site, folder=tmp_path))


def test_import_gives_the_events_and_the_rollups_back(shop, tmp_path):
    before, rollups = (
        stored(),
        list(Rollup.objects.order_by("segment").values_list("segment", "visitors", "value_sum")),
    )
    written(shop, tmp_path)
    Event.objects.all().delete()
    Rollup.objects.all().delete()
    shop.slots.get().experiments.get().outcomes.all().delete()
    assert [n_new for _, n_new in import_events(site=shop, folder=tmp_path)] == [2, 2]
    assert stored() == before
    fold_pending()
    assert (
        list(Rollup.objects.order_by("segment").values_list("segment", "visitors", "value_sum"))
        == rollups
    )
    assert [n_new for _, n_new in import_events(site=shop, folder=tmp_path)] == [0, 0]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "is not the file"),
        (lambda path: path.unlink(), "is not the file"),
        (lambda path: (path.parents[1] / "_manifest.json").unlink(), "has no _manifest.json"),
        (lambda path: (path.parents[1] / "_manifest.json").write_text("{"), "_manifest.json: "),
        (
            lambda path: (path.parents[1] / "_manifest.json").write_text(
                '{"format": "other", "site": "shop"}'
            ),
            "of format 'other'",
        ),
        (
            lambda path: (path.parents[1] / "_manifest.json").write_bytes(
                b'{"format": "' + b"x" * MAX_MANIFEST_BYTES
            ),
            "larger than 8388608 bytes",
        ),
    ],
    ids=["cut", "lost", "no manifest", "no JSON", "other format", "too large"],
)
def test_damaged_folder_is_refused_before_anything_is_stored(shop, tmp_path, damage, reason):
    written(shop, tmp_path)
    Event.objects.all().delete()
    damage(tmp_path / "day=2026-11-22" / "events.parquet")
    with pytest.raises(EventFilesError, match=reason):
        list(import_events(site=shop, folder=tmp_path))
    assert not Event.objects.exists()


def test_unknown_variant_is_named(shop, tmp_path):
    written(shop, tmp_path)
    shop.slots.get().experiments.get().variants.filter(key="b").update(key="c")
    with pytest.raises(EventFilesError, match="no 'hero-test' with a variant 'b'"):
        list(import_events(site=shop, folder=tmp_path))
