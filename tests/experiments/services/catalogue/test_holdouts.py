from decimal import Decimal

from experiments.models import ConfigRevision, Site
from experiments.services.catalogue.holdouts import holdout_rule, is_held_out, set_holdout
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


def test_new_size_reaches_the_serving_processes(site):
    before = sum(ConfigRevision.objects.values_list("number", flat=True))
    assert set_holdout(site=site, share=Decimal("0.05"), before=Decimal(0))
    assert Site.objects.get().holdout == Decimal("0.05")
    assert ConfigRevision.objects.get().number == before + 1


def test_size_that_somebody_else_has_set_stays(site):
    Site.objects.update(holdout="0.1")
    assert not set_holdout(site=site, share=Decimal("0.05"), before=Decimal(0))
    assert Site.objects.get().holdout == Decimal("0.1")
