from dataclasses import replace
from datetime import timedelta

from experiments.models import CTA, Experiment
from experiments.services.drafting.rehearsal import LENGTHS, rehearse
from tests import factories
from tests.factories import NOW


def test_nothing_stays_of_a_rehearsal(choices):
    before = CTA.objects.count()
    assert rehearse(choices, now=NOW).may_start
    assert CTA.objects.count() == before
    assert not Experiment.objects.exists()


def test_broken_rule_blocks(choices):
    found = rehearse(replace(choices, metric="conversion_rate"), now=NOW)
    assert not found.may_start
    assert found.checks[0].text == "This metric needs a goal."


def test_smaller_lift_takes_longer_and_longer_tests_find_less(choices):
    older = factories.make_running_experiment(choices.slot, "older")
    for variant in older.variants.all():
        for days in range(1, 15):
            day = (NOW - timedelta(days=days)).date()
            factories.make_rollup(variant, visitors=500, clicks=50, day=day)
    Experiment.objects.filter(pk=older.pk).update(status="stopped", stopped_at=NOW)
    large, small = (rehearse(replace(choices, lift=lift), now=NOW) for lift in (0.3, 0.1))
    assert small.review.needed > 5 * large.review.needed
    assert large.days == round(large.review.needed / 1_000)
    assert tuple(one.weeks for one in large.lengths) == LENGTHS
    lifts = [one.lift_found for one in large.lengths]
    assert lifts == sorted(lifts, reverse=True)
