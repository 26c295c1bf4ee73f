import pytest

from experiments.models import Burst, RollupCheck
from experiments.selectors import reports
from experiments.services.documents.health_ticks import health_ticks, is_clean
from experiments.services.reporting.full_report import full_report
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.factories import NOW


def ticks_of(experiment):
    row = reports.experiments_for_report().get(pk=experiment.pk)
    return health_ticks(full_report(experiment=row, now=NOW))


def test_healthy_experiment_has_only_good_ticks(running_experiment):
    count(running_experiment, (4_000, 400), (4_000, 480))
    RollupCheck.objects.create(experiment=running_experiment, checked_at=NOW, n_differing=0)
    ticks = ticks_of(running_experiment)
    assert {tick.level for tick in ticks} == {"good"}
    assert "A recount of the raw events gave the same sums." in {tick.text for tick in ticks}
    assert is_clean(ticks)


def test_faults_come_first(running_experiment):
    count(running_experiment, (5_000, 400), (4_000, 480))
    Burst.objects.create(
        experiment=running_experiment, day=NOW.date(), first_at=NOW, last_at=NOW,
        n_senders=2, visitors=61, all_visitors=100,
    )  # fmt: skip
    RollupCheck.objects.create(experiment=running_experiment, checked_at=NOW, n_differing=3)
    ticks = ticks_of(running_experiment)
    assert [tick.level for tick in ticks[:3]] == ["fault"] * 3
    split = (
        "Visitors do not split as configured: “hero-test control” has 56% of them instead of 50%."
    )
    assert ticks[0].text == split
    assert not is_clean(ticks)


def test_split_that_is_hardly_off_is_written_with_the_digits_that_tell(running_experiment):
    count(running_experiment, (1_004_000, 400), (996_000, 480))
    assert "has 50.2% of them instead of 50.0%." in ticks_of(running_experiment)[0].text


def test_split_of_changed_shares_names_no_share(running_experiment):
    factories.make_phases(running_experiment, ((0.5, 0.5), 1), ((0.2, 0.8), 1))
    count(running_experiment, (5_000, 400), (4_000, 480), phase=0)
    count(running_experiment, (5_000, 400), (4_000, 480), phase=1, day=NOW.date())
    assert ticks_of(running_experiment)[0].text == "Visitors do not split as configured."


def test_visitors_of_several_wordings_are_a_fault(running_experiment):
    count(running_experiment, (4_000, 400), (4_000, 480))
    arm = running_experiment.variants.first()
    factories.make_rollup(
        arm, visitors=1, quarantined_visitors=400, phase=0, segment="", day=NOW.date()
    )
    assert any("saw several wordings" in tick.text for tick in ticks_of(running_experiment))


@pytest.mark.parametrize("shares", [{"control": "1"}, None])
def test_draft_has_no_ticks(slot, shares):
    assert ticks_of(factories.make_experiment(slot, "draft", shares=shares)) == ()
