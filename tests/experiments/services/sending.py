"""Batches of events, taken in as the service takes them in."""

from experiments.models import Event
from experiments.services.serving.snapshot import build_snapshot
from tests.factories import NOW
from tests.intake import ingest


def sent(*messages, key="shop-client-key", now=NOW):
    served = build_snapshot(revision=1, now=now).client_keys[key]
    return ingest(site=served, items=messages, now=now)


def served_again(site):
    """The site after a change of its experiments."""
    return build_snapshot(revision=2, now=NOW).client_keys[site.client_key]


def reason_of(site, message):
    """Why one event is rejected."""
    receipt = ingest(site=site, items=[message], now=NOW)
    assert (receipt.accepted, receipt.duplicates, len(receipt.rejected)) == (0, 0, 1)
    assert not Event.objects.exists()
    return receipt.rejected[0].reason
