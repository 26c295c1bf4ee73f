"""Visitors of the shop, and the arms they get."""

from experiments.services.serving.evaluation import evaluate_slot
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.factories import NOW
from tests.intake import ingest

VISITORS = [f"v-{n}" for n in range(1_000)]


HALVES = ([0.5, 0.5], 1.0)


def served(key="shop-client-key"):
    return build_snapshot(revision=1, now=NOW).client_keys[key]


def evaluate(site, visitor="v-1", slot="hero", **attributes):
    return evaluate_slot(site, slot, visitor=visitor, attributes=attributes)


def variant_of(site, visitor, **attributes):
    return evaluate(site, visitor, **attributes).variant


def arms_of(site, **attributes):
    return {visitor: variant_of(site, visitor, **attributes) for visitor in VISITORS}


def expose(visitor, variant, **changes):
    message = factories.event_message(visitor=visitor, variant=variant, **changes)
    assert ingest(site=served(), items=[message], now=NOW).rejected == ()


def arms_and_movers(experiment, *courses):
    """Everybody's arm before and after a change of shares, and those whose hash says another."""
    before = arms_of(served())
    factories.make_phases(experiment, *courses)
    site = served()
    after = arms_of(site)
    return site, before, after, [v for v in VISITORS if before[v] != after[v]]
