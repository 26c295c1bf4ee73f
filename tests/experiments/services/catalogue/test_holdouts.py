from decimal import Decimal

from experiments.services.catalogue.holdouts import holdout_rule, is_held_out
from experiments.services.serving.evaluation import evaluate_slot
from experiments.services.serving.snapshot import build_snapshot
from tests.factories import NOW


def test_nobody_is_held_out_without_a_share(site):
    assert holdout_rule(site) is None
    assert not is_held_out(None, "v-1")


def test_rule_is_that_of_serving(running_experiment):
    site = running_experiment.slot.site
    site.holdout = Decimal("0.3")
    site.save()
    served = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    visitors = [f"v-{number}" for number in range(300)]
    outside = {
        visitor
        for visitor in visitors
        if evaluate_slot(served, "hero", visitor=visitor, attributes={}).experiment is None
    }
    assert {visitor for visitor in visitors if is_held_out(served.holdout, visitor)} == outside
    assert 60 < len(outside) < 120
