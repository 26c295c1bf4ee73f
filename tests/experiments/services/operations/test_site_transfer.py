"""A site that moves is the same site elsewhere."""

import json
import tracemalloc

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.core.management.utils import get_random_secret_key

from experiments.models import (
    CTA,
    CurrencyRollup,
    Event,
    EventDrop,
    Experiment,
    ExperimentTemplate,
    HistoryArm,
    PendingBatch,
    Site,
    Slot,
    VisitorOutcome,
)
from experiments.selectors import reports
from experiments.services.catalogue.site_secrets import form_of_visitors
from experiments.services.drafting.experiment_templates import save_as_template
from experiments.services.events.parquet_files import import_events
from experiments.services.operations.event_retention import drop_old_events
from experiments.services.operations.site_transfer import (
    CATALOGUE,
    KINDS,
    SECRET,
    TO_THE_SITE,
    Limits,
    SiteFilesError,
    import_catalogue,
)
from experiments.services.operations.transfer_seal import folder_fingerprint
from experiments.services.operations.visitor_export import export_visitor
from experiments.services.reporting.full_report import full_report
from experiments.services.reporting.report_json import report_as_json
from experiments.services.rollups.folding import fold_pending
from tests import factories
from tests.experiments.management.test_commands import called
from tests.experiments.services.events.test_parquet_files import stored
from tests.experiments.services.operations.test_event_retention import DAY, send_at
from tests.experiments.services.sending import sent
from tests.factories import NOW, event_message

# Why each of the others stays behind, or is written by itself.
STAYS = {
    "AccessRecord": "of the keys of the installation",
    "Annotation": "of the people of the installation",
    "Approval": "of the people of the installation",
    "CacheWatch": "what was served from there",
    "RollupCheck": "made anew every night",
    "ConfigRevision": "of the installation",
    "ConversionOrder": "in the Parquet files of the events",
    "CurrencyRollup": "counted from the events, or by itself",
    "ErasedVisitor": "made with the secret of the installation",
    "Edit": "of the people of the installation",
    "Event": "Parquet",
    "EventDrop": "by itself",
    "BackupRecord": "of the installation",
    "Burst": "of the search, as the events arrived here",
    "EventIntake": "counted where the events arrive",
    "Heartbeat": "of the installation",
    "FrozenReport": "of the people of the installation",
    "ShareLink": "of the people of the installation",
    "GoalRollup": "counted from the events, or by itself",
    "Interaction": "made anew every night",
    "Job": "of the installation",
    "Membership": "accounts are of the installation",
    "Delivery": "sent from here",
    "Notice": "told here",
    "NoticeChoice": "accounts are of the installation",
    "NoticeRead": "accounts are of the installation",
    "Webhook": "a secret of the installation",
    "PendingBatch": "of the installation",
    "Rollup": "counted from the events, or by itself",
    "SecretDigest": "of the secret of the installation",
    "SenderCount": "of the search for bursts, for days",
    "ServerKey": "a secret of the installation",
    "SiteSecret": "by itself",
    "SnippetSighting": "of the pages that ask this installation",
    "Standing": "computed anew every few minutes",
    "TaskRun": "of the installation",
    "TypedCTA": "of a person's account, half typed",
    "TypedExperiment": "of a person's account, half typed",
    "Upload": "files that were imported here",
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


def test_currencies_move_where_no_event_tells_them(running_experiment, tmp_path):
    stopped = {"status": Experiment.Status.STOPPED, "origin": Experiment.Origin.IMPORTED}
    Experiment.objects.update(
        **stopped, stopped_at=NOW, primary_metric="value_per_visitor", goal="signup"
    )
    variant = running_experiment.variants.get(arm=1)
    factories.make_rollup(variant, visitors=30)
    row = {"variant": variant, "day": NOW.date(), "goal": "signup"}
    for currency, conversions in (("EUR", 10), ("CHF", 4)):
        running_experiment.currency_rollups.create(
            **row, currency=currency, conversions=conversions
        )
    before = told("hero-test")
    called("export_site", "shop", str(tmp_path))
    emptied()
    import_catalogue(folder=tmp_path)
    assert told("hero-test") == before
    rows = CurrencyRollup.objects.order_by("currency").values_list("currency", "conversions")
    assert list(rows) == [("CHF", 4), ("EUR", 10)]


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
    [
        (None, "No such file"),
        ("{", "_catalogue.jsonl"),
        ("", "holds no site"),
        ("[]", "line 1: None is not a row of a site"),
        ('{"model": "experiments.site"}', "line 1: has no fields"),
        ("[" * 5_000, "_catalogue.jsonl"),
    ],
    ids=["no file", "no JSON", "empty", "list", "no fields", "deep"],
)
def test_unreadable_catalogue_is_named(db, tmp_path, content, reason):
    if content is not None:
        (tmp_path / CATALOGUE).write_text(content)
    with pytest.raises(SiteFilesError, match=reason):
        import_catalogue(folder=tmp_path)
    assert not Site.objects.exists()


def test_catalogue_that_breaks_at_its_end_leaves_nothing_behind(exported):
    before = [model._default_manager.count() for model in TO_THE_SITE]
    append(exported, "experiments.tag", site=1, name="x" * 1_000)
    with pytest.raises(SiteFilesError):
        import_catalogue(folder=exported)
    assert [model._default_manager.count() for model in TO_THE_SITE] == before


def test_site_without_events_moves_by_command(slot, tmp_path):
    called("export_site", "shop", str(tmp_path))
    emptied()
    for _ in range(2):  # Broken off or not, it may be run again.
        out, _ = called("import_site", str(tmp_path))
        assert "Site shop is here" in out
    assert Slot.objects.filter(site__key="shop").count() == 1


def test_tags_and_comments_of_a_test_move_and_people_do_not(running_experiment, owner, tmp_path):
    type(running_experiment).objects.update(owner=owner)
    running_experiment.tags.create(site=running_experiment.slot.site, name="spring")
    running_experiment.comments.create(at=NOW, text="Why so short?", author=owner)
    running_experiment.comments.create(at=NOW, text="Deployed", server_key="backend (shop…)")
    called("export_site", "shop", str(tmp_path))
    emptied()
    import_catalogue(folder=tmp_path)
    moved = Experiment.objects.get(slot__site__key="shop")
    assert [tag.name for tag in moved.tags.all()] == ["spring"]
    assert moved.owner is None
    assert [(one.text, one.author, one.server_key) for one in moved.comments.all()] == [
        ("Why so short?", None, ""),
        ("Deployed", None, "backend (shop…)"),
    ]


def test_template_of_experiments_moves_with_its_audience(slot, tmp_path):
    audience = factories.make_audience(slot.site)
    experiment = factories.make_experiment(slot, "careful", alpha=0.01, audience=audience)
    content = save_as_template(experiment=experiment, name="Careful", now=NOW).content
    called("export_site", "shop", str(tmp_path))
    ExperimentTemplate.objects.all().delete()
    emptied()
    called("import_site", str(tmp_path))
    moved = ExperimentTemplate.objects.get()
    assert (moved.site.key, moved.audience.site.key) == ("shop", "shop")
    assert moved.content == content


@pytest.fixture
def exported(running_experiment, tmp_path):
    """The folder of a site that is gone, as an agency would hand it over."""
    HistoryArm.objects.create(
        site=running_experiment.slot.site, test="t", text="Go", visitors=100, clicks=7
    )
    factories.make_event(running_experiment.variants.get(key="b"))
    called("export_site", "shop", str(tmp_path))
    emptied()
    return tmp_path


def append(folder, model, **fields):
    line = json.dumps({"model": model, "pk": 999, "fields": fields})
    with (folder / CATALOGUE).open("a") as file:
        file.write(line + "\n")


# Everything that Django could make of a line, but a site does not have.
OTHERS = sorted(model._meta.label_lower for model in apps.get_models())


@pytest.mark.parametrize("kind", [kind for kind in OTHERS if kind not in KINDS])
def test_line_of_another_kind_is_refused(exported, kind):
    append(exported, kind, username="x", password="!", is_superuser=True)
    with pytest.raises(SiteFilesError, match=f"'{kind}' is not a row of a site"):
        import_catalogue(folder=exported)
    assert not Site.objects.filter(key="shop").exists()
    assert not get_user_model().objects.exists()


def test_kinds_are_those_of_a_site_and_its_counts():
    """Accounts, keys, roles and jobs are of the installation."""
    assert not KINDS & {"auth.user", "experiments.serverkey", "experiments.membership"}
    assert all(kind.startswith("experiments.") for kind in KINDS)


@pytest.mark.parametrize("zone", [None, "Asia/Kathmandu"])
def test_experiment_keeps_its_days_and_those_of_before_are_of_utc(
    running_experiment, tmp_path, zone
):
    """An export of a version that counted in UTC names no zone."""
    Experiment.objects.update(days_in=zone or "")
    Site.objects.update(time_zone="Pacific/Auckland")
    factories.make_experiment(running_experiment.slot, "next")
    called("export_site", "shop", str(tmp_path))
    emptied()
    path = tmp_path / CATALOGUE
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        if zone is None:
            row["fields"].pop("days_in", None)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    import_catalogue(folder=tmp_path)
    moved = Experiment.objects.filter(slot__site__key="shop")
    zones = dict(moved.values_list("key", "days_in"))
    assert zones == {"hero-test": zone or "UTC", "next": ""}


@pytest.mark.parametrize(
    ("model", "fields", "reason"),
    [
        (
            "experiments.site",
            {"key": "two", "name": "Two", "client_key": "k"},
            "more than one site",
        ),
        ("experiments.tag", {"site": 12_345, "name": "x"}, "12345"),
        ("experiments.tag", {"site": 1, "name": "x", "no_such": 1}, "no_such"),
        ("experiments.audience", {"key": "a", "condition": {"x": {"$near": 1}}}, "near"),
        ("experiments.historyarm", {"test": "t", "text": "x", "visitors": "many"}, "many"),
    ],
    ids=["second site", "row of no site", "unknown field", "condition", "no number"],
)
def test_line_that_no_form_would_take_is_refused(exported, model, fields, reason):
    append(exported, model, **fields)
    with pytest.raises(SiteFilesError, match=reason):
        import_catalogue(folder=exported)
    assert not Site.objects.filter(key="shop").exists()


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(file_bytes=100), "larger than 100 bytes"),
        (Limits(line_bytes=50), "line 1 is longer than 50"),
        (Limits(rows=2), "more than 2 rows"),
    ],
    ids=["file", "line", "rows"],
)
def test_large_catalogue_is_refused(exported, limits, reason):
    with pytest.raises(SiteFilesError, match=reason):
        import_catalogue(folder=exported, limits=limits)
    assert not Site.objects.filter(key="shop").exists()


def test_endless_line_is_not_read_to_its_end(tmp_path, db):
    with (tmp_path / CATALOGUE).open("wb") as file:
        file.truncate(1_000_000_000)  # Sparse: a gigabyte of zeros that no disk holds.
    tracemalloc.start()
    with pytest.raises(SiteFilesError, match="line 1 is longer"):
        import_catalogue(folder=tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_changed_folder_is_refused_by_the_command(exported):
    append(exported, "experiments.tag", site=1, name="x")
    with pytest.raises(CommandError, match="changed after the export"):
        called("import_site", str(exported))


def test_folder_of_another_installation_needs_its_fingerprint(exported, settings):
    settings.SECRET_KEY = get_random_secret_key()
    with pytest.raises(CommandError, match="did not write it"):
        called("import_site", str(exported))
    assert not Site.objects.filter(key="shop").exists()
    out, _ = called("import_site", str(exported), "--fingerprint", folder_fingerprint(exported))
    assert "Site shop is here" in out


def test_unknown_site_is_named(db, tmp_path):
    with pytest.raises(CommandError, match="no site 'gone'"):
        called("export_site", "gone", str(tmp_path))


def test_order_that_counted_before_the_move_counts_no_more(running_experiment, tmp_path):
    order = {"goal": "sale", "order": "A-1001"}
    sent(event_message("conversion", **order), event_message("conversion", **order))
    called("export_site", "shop", str(tmp_path))
    assert (tmp_path / SECRET).stat().st_mode & 0o777 == 0o600
    emptied()
    called("import_site", str(tmp_path))
    sent(event_message("conversion", **order), event_message("conversion", goal="sale"))
    assert sorted(Event.objects.values_list("flags", flat=True)) == [0, 0, 32, 32]


@pytest.mark.parametrize("content", ["{}", '{"key": "00"}', '{"key": 7}', "[", "x" * 2_000])
def test_key_that_is_none_is_refused(running_experiment, tmp_path, content):
    called("export_site", "shop", str(tmp_path))
    emptied()
    (tmp_path / SECRET).write_text(content)
    with pytest.raises(SiteFilesError, match=SECRET):
        import_catalogue(folder=tmp_path)
    assert not Site.objects.filter(key="shop").exists()


def test_digests_move_and_their_visitors_are_the_same_there(running_experiment, tmp_path):
    sent(event_message(visitor="v-7"), event_message("conversion", visitor="v-7"))
    called("digest_visitors")
    called("export_site", "shop", str(tmp_path))
    emptied()
    called("import_site", str(tmp_path))
    site = Site.objects.get(key="shop")
    assert form_of_visitors(site.pk) == "digests"
    sent(event_message("click", visitor="v-7"))
    fold_pending()
    assert VisitorOutcome.objects.get().has_clicked
    assert export_visitor(site=site, visitor="v-7", now=NOW)["counts"]["events"] == 3


def test_files_of_before_are_digests_where_visitors_are(running_experiment, tmp_path):
    sent(event_message(visitor="v-7"))
    called("export_site", "shop", str(tmp_path))
    called("digest_visitors")
    sent(event_message("click", visitor="v-7"))
    Event.objects.filter(type="exposure").delete()
    site = Site.objects.get(key="shop")
    assert [n_new for _, n_new in import_events(site=site, folder=tmp_path)] == [1]
    assert Event.objects.values("visitor").distinct().count() == 1
