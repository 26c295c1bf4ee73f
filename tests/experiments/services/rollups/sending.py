"""Events of the shop, sent as its page sends them."""

from datetime import timedelta

from experiments.services.events.ingestion import Origin
from experiments.services.serving.snapshot import build_snapshot
from tests.factories import NOW
from tests.intake import ingest

MINUTE = timedelta(minutes=1)


DAY = timedelta(days=1)


MORNING = NOW - 2 * DAY


def send(*messages, now=NOW, flags=0):
    """Take events in as the shop's page sends them."""
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    receipt = ingest(site=site, items=messages, now=now, origin=Origin(flags=flags))
    assert receipt.rejected == ()
