"""A site that moves is the same site elsewhere."""

import pytest
from django.apps import apps
from django.core.management.base import CommandError

from experiments.models import (
    CTA,
    Event,
    EventDrop,
    Experiment,
    HistoryArm,
    PendingBatch,
    Site,
    Slot,
    VisitorOutcome,
)
from experiments.selectors import reports
from experiments.services.operations.event_retention import drop_old_events
from experiments.services.operations.site_transfer import TO_THE_SITE
from experiments.services.reporting.full_report import full_report
from experiments.services.reporting.report_json import report_as_json
from tests import factories
from tests.experiments.management.test_commands import called
from tests.experiments.services.events.test_parquet_files import stored
from tests.experiments.services.operations.test_event_retention import DAY, send_at
from tests.factories import NOW

# Why each of the others stays behind, or is written by itself.
STAYS = {
    "CacheWatch": "what was served from there",
    "RollupCheck": "made anew every night",
    "ConfigRevision": "of the installation",
    "CurrencyRollup": "counted from the events, or by itself",
    "ErasedVisitor": "made with the secret of the installation",
    "Event": "Parquet",
    "EventDrop": "by itself",
    "GoalRollup": "counted from the events, or by itself",
    "Interaction": "made anew every night",
    "Job": "of the installation",
    "PendingBatch": "of the installation",
    "Rollup": "counted from the events, or by itself",
    "ServerKey": "a secret of the installation",
    "VisitorDay": "written with the events",
    "VisitorOutcome": "counted from the events, or by itself",
}


def test_every_table_moves_or_is_left_on_purpose():
    names = {model.__name__ for model in apps.get_app_config("experiments").get_models()}
    assert {model.__name__ for model in TO_THE_SITE} | set(STAYS) == names


def emptied():
    """Another installation, with a site of its own, so that numbers differ."""
    for model in (Event, EventDrop, PendingBatch, Experiment, Slot, CTA, Site):
        model.objects.all().delete()
    factories.make_experiment(factories.make_slot(factories.make_site("other")), "other-test")


def told(key):
    """Everything that the report of an experiment says."""
    experiment = reports.experiments_for_report().get(key=key)
    return report_as_json(full_report(experiment=experiment, now=NOW))


def keyed(rows):
    """Events as plain values, with keys instead of numbers."""
    variants = {
        variant.pk: variant.key for variant in apps.get_model("experiments.Variant").objects.all()
    }
    numbers = ("site_id", "experiment_id", "variant_id")
    return [
        {name: value for name, value in row.items() if name not in numbers}
        | {"variant": variants.get(row["variant_id"])}
        for row in rows
    ]


def test_site_moves_with_its_reports(crowd, shop, tmp_path):
    factories.make_library_experiment(shop)
    HistoryArm.objects.create(site=shop, test="t", text="Go", visitors=100, clicks=7)
    keys = list(Experiment.objects.values_list("key", flat=True))
    before, events = [told(key) for key in keys], keyed(stored())
    called("export_site", "shop", str(tmp_path / "moved"))
    emptied()
    out, _ = called("import_site", str(tmp_path / "moved"))
    assert "Site shop is here" in out
    assert keyed(stored()) == events
    assert [told(key) for key in keys] == before
    assert (CTA.objects.filter(site__key="shop").count() > 3, HistoryArm.objects.count()) == (
        True,
        1,
    )
    out, _ = called("import_site", str(tmp_path / "moved"))
    assert " 0 of them new" in out
    assert [told(key) for key in keys] == before


def test_site_moves_with_what_rests_on_dropped_events(transactional_db, tmp_path):
    slot = factories.make_slot(factories.make_site())
    factories.make_running_experiment(slot, started_at=NOW - 200 * DAY)
    ended = factories.make_running_experiment(
        factories.make_slot(slot.site, "footer"), "old-test", started_at=NOW - 200 * DAY
    )
    for visitor, days in (("v-1", 150), ("v-2", 20)):
        send_at(NOW - days * DAY, visitor=visitor)
    send_at(NOW - 150 * DAY, slot="footer")
    state = {"status": Experiment.Status.STOPPED, "stopped_at": NOW - 140 * DAY}
    Experiment.objects.filter(pk=ended.pk).update(**state)
    drop_old_events(now=NOW, keep_days=100)
    before = [told(key) for key in ("hero-test", "old-test")]
    called("export_site", "shop", str(tmp_path))
    emptied()
    called("import_site", str(tmp_path))
    assert [told(key) for key in ("hero-test", "old-test")] == before
    assert VisitorOutcome.objects.filter(is_settled=True).count() == 1


def test_sums_of_an_earlier_version_are_refused(running_experiment, tmp_path):
    """Their phases are segments, which nothing reads any more."""
    stopped = {"status": Experiment.Status.STOPPED, "origin": Experiment.Origin.IMPORTED}
    Experiment.objects.update(**stopped, stopped_at=NOW)
    variant = running_experiment.variants.get(arm=1)
    factories.make_rollup(variant, visitors=3, segment="phase=1")
    called("export_site", "shop", str(tmp_path))
    emptied()
    with pytest.raises(CommandError, match="export it again with this version"):
        called("import_site", str(tmp_path))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), ("{", "_catalogue.jsonl"), ("", "holds no site")],
    ids=["no file", "no JSON", "empty"],
)
def test_unreadable_catalogue_is_named(db, tmp_path, content, reason):
    if content is not None:
        (tmp_path / "_catalogue.jsonl").write_text(content)
    with pytest.raises(CommandError, match=reason):
        called("import_site", str(tmp_path))
    assert not Site.objects.exists()


def test_unknown_site_is_named(db, tmp_path):
    with pytest.raises(CommandError, match="no site 'gone'"):
        called("export_site", "gone", str(tmp_path))
