"""A site whose visitors did everything that counts, and its events as files."""

import random
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from experiments.models import Event, Experiment, Guardrail, Site
from experiments.services.events.arrow_rows import SCHEMA, arrow_batches, names_of
from experiments.services.events.ingestion import Origin
from experiments.services.events.parquet_files import export_events
from experiments.services.lifecycle.transitions import stop_experiment
from experiments.services.rollups.folding import fold_pending
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.factories import NOW, event_message
from tests.intake import ingest

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
HALVES = ([0.5, 0.5], 1.0)
# By slot. In Fiji, midnight is the noon of UTC, about which the events are.
ZONES = {
    "hero": "UTC",
    "footer": "Pacific/Auckland",
    "popup": "Asia/Kathmandu",
    "menu": "Pacific/Fiji",
    "banner": "America/Los_Angeles",
}


@pytest.fixture
def shop(site):
    """Experiments on slots of their own, one a metric."""
    metrics = {"hero": "click_rate", "footer": "conversion_rate", "popup": "value_per_visitor"}
    metrics |= {"menu": "value_per_click", "banner": "conversions_per_visitor"}
    for slot, metric in metrics.items():
        experiment = factories.make_running_experiment(
            factories.make_slot(site, slot),
            f"{slot}-test",
            primary_metric=metric,
            goal="signup",
            value_cap=100 if slot == "menu" else None,
            started_at=NOW - 20 * DAY,
            days_in=ZONES[slot],
        )
        for goal in ("newsletter", "signup"):
            Guardrail.objects.create(experiment=experiment, metric="value_per_visitor", goal=goal)
        if slot != "footer":
            factories.make_phases(experiment, HALVES, ([0.9, 0.1], 1.0), HALVES, every=6 * DAY)
    return site


def drawn_messages(rng, count, visitors):
    """Events at few moments, so that many fall together, over both ends of the pre-period."""
    for _ in range(count):
        kind = rng.choice(["exposure", "exposure", "click", "conversion"])
        moment = NOW - rng.randrange(20) * DAY - rng.choice([0, 0, 1]) * SECOND
        fields = {"visitor": f"v-{rng.randrange(visitors)}", "at": moment.isoformat()}
        fields["id"] = str(factories.event_id(moment))
        if kind == "conversion":
            fields["goal"] = rng.choice(["signup", "signup", "newsletter", "other"])
            fields["value"] = rng.choice([None, 0.1, -2.5, 19.99, 0.000001, 123456.789])
            fields["currency"] = rng.choice([None, "EUR", "EUR", "EUR", "CHF"])
            fields["order"] = rng.choice([None, f"A-{rng.randrange(visitors)}"])
        else:
            fields["slot"] = rng.choice(["hero", "footer", "popup", "menu", "banner"])
            fields["variant"] = rng.choice(["control"] + 5 * ["b"])
        if kind == "exposure":
            device = {"device": rng.choice(["mobile", "desktop"]), "locale": "fr"}
            fields["attributes"] = rng.choice(
                [{}, device, {"new_visitor": True}, device | {"country": "FR"}]
            )
        yield event_message(kind, **fields)


def take_in(rng, messages):
    """Take the events in as the shop's pages send them, some of them doubtful, and count them."""
    served = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    batches = {}
    for message in messages:
        flags = rng.choice(
            [Event.Flag.BOT, Event.Flag.INTERNAL]
            + [Event.Flag.PREFETCH] * 6
            + [Event.Flag.UNEXPLAINED] * 6
            + [Event.Flag.BURST] * 6
            + [Event.Flag.LATE] * 6
            + [0] * 60
        )
        batches.setdefault(int(flags), []).append(message)
    for flags, batch in batches.items():
        assert ingest(site=served, items=batch, now=NOW, origin=Origin(flags=flags)).rejected == ()
    fold_pending()


def stop_one():
    """Stop the experiment on values, in the middle of what happened."""
    experiment = Experiment.objects.get(key="popup-test")
    assert stop_experiment(experiment=experiment, now=NOW - 3 * DAY)


def write_events(path):
    """Write every stored event as one Parquet file."""
    site = Site.objects.get(key="shop")
    events = Event.objects.order_by("event_id")
    table = pa.Table.from_batches(arrow_batches(events, names_of(site), rows=1_000), SCHEMA)
    pq.write_table(table, path)
    return path


@pytest.fixture
def crowd(shop, tmp_path):
    """1,500 events of 150 visitors, counted by the product; the folder of their files."""
    rng = random.Random(20261122)  # noqa: S311  a test's dice
    take_in(rng, drawn_messages(rng, 1_500, 150))
    stop_one()
    fold_pending()
    assert len(list(export_events(site=shop, folder=tmp_path / "events"))) > 10
    return tmp_path / "events"
