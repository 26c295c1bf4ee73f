from datetime import timedelta
from decimal import Decimal

import pytest

from experiments.models import Change, Experiment
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.drafts import duplicate_experiment
from experiments.services.lifecycle.ramps import PlannedStep, advance_ramp, set_ramp
from experiments.services.lifecycle.readiness import CannotStartError
from experiments.services.lifecycle.schedules import tend_experiments
from experiments.services.lifecycle.traffic_allocation import CannotChangeError
from experiments.services.lifecycle.transitions import (
    pause_experiment,
    resume_experiment,
    start_experiment,
)
from tests.factories import NOW
from tests.threads import in_threads

pytestmark = pytest.mark.on_both_databases

HOUR = timedelta(hours=1)
STEPS = [
    PlannedStep(coverage=Decimal("0.01"), hold_hours=Decimal(2)),
    PlannedStep(coverage=Decimal("0.1"), hold_hours=Decimal(3)),
    PlannedStep(coverage=Decimal(1)),
]


@pytest.fixture
def ramped(draft):
    """The experiment `hero-test`, started now on a ramp of 1, 10 and 100 %."""
    set_ramp(experiment=draft, steps=STEPS, occasion=Occasion(now=NOW))
    assert start_experiment(experiment=draft, now=NOW)
    return draft


def coverage():
    return float(Experiment.objects.get().coverage)


def test_start_takes_in_the_first_step(ramped):
    assert coverage() == float(ramped.coverage) == 0.01
    assert [step.reached_at for step in ramped.ramp.all()] == [NOW, None, None]
    assert ramped.phases.get().slices == [[0, 50, 0], [5_000, 5_050, 1]]


def test_ramp_goes_up_step_by_step_in_its_time(ramped):
    seen = []
    for hour in range(8):
        tend_experiments(now=NOW + hour * HOUR)
        seen.append(coverage())
    assert seen == [0.01, 0.01, 0.1, 0.1, 0.1, 1.0, 1.0, 1.0]
    assert [phase.coverage for phase in ramped.phases.all()] == [
        *(Decimal("0.01"), Decimal("0.1"), Decimal(1))
    ]
    assert Change.objects.filter(kind="ramp").count() == 2


def test_beat_that_comes_late_goes_one_step_at_a_time(ramped):
    tend_experiments(now=NOW + 100 * HOUR)
    assert coverage() == 0.1


def test_pause_holds_the_ramp_and_resuming_begins_the_step_anew(ramped):
    pause_experiment(experiment=ramped, now=NOW + HOUR)
    tend_experiments(now=NOW + 5 * HOUR)
    assert coverage() == 0.01
    resume_experiment(experiment=ramped, now=NOW + 6 * HOUR)
    tend_experiments(now=NOW + 7 * HOUR)
    assert coverage() == 0.01
    tend_experiments(now=NOW + 8 * HOUR)
    assert coverage() == 0.1


def test_step_is_gone_to_once_however_many_workers_there_are(real_database, ramped):
    def advance():
        return advance_ramp(experiment=Experiment.objects.get(), now=NOW + 2 * HOUR)

    assert sorted(in_threads(*[advance] * 4)) == [False, False, False, True]
    assert ramped.phases.count() == 2


def test_ramp_may_be_given_to_a_running_experiment(running_experiment):
    occasion = Occasion(now=NOW, note="carefully")
    set_ramp(experiment=running_experiment, steps=STEPS[1:], occasion=occasion)
    assert coverage() == 0.1
    assert running_experiment.phases.count() == 2
    assert Change.objects.get().note == "control 50.00%, b 50.00%; 10.00%\ncarefully"
    tend_experiments(now=NOW + 3 * HOUR)
    assert coverage() == 1.0


def test_ramp_may_be_taken_away(ramped):
    set_ramp(experiment=ramped, steps=[], occasion=Occasion(now=NOW))
    tend_experiments(now=NOW + 100 * HOUR)
    assert coverage() == 0.01


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([STEPS[1], STEPS[0]], "more visitors than the one before"),
        ([STEPS[0], STEPS[0]], "more visitors than the one before"),
        ([PlannedStep(coverage=Decimal(0))], "above 0 and at most 1"),
        ([PlannedStep(coverage=Decimal("0.5"), hold_hours=Decimal(0))], "longer than 0 hours"),
    ],
    ids=["falling", "flat", "nobody", "no time"],
)
def test_impossible_ramp_is_refused(draft, steps, reason):
    with pytest.raises(CannotChangeError, match=reason):
        set_ramp(experiment=draft, steps=steps, occasion=Occasion(now=NOW))
    assert not draft.ramp.exists()


def test_draft_with_an_impossible_ramp_does_not_start(draft):
    for number, part in enumerate(("0.5", "0.1")):
        draft.ramp.create(number=number, coverage=part, hold_hours=1)
    with pytest.raises(CannotStartError, match="more visitors than the one before"):
        start_experiment(experiment=draft, now=NOW)


def test_duplicate_begins_the_ramp_anew(ramped):
    tend_experiments(now=NOW + 2 * HOUR)
    copy = duplicate_experiment(experiment=ramped, now=NOW)
    assert [(step.coverage, step.reached_at) for step in copy.ramp.all()] == [
        (step.coverage, None) for step in STEPS
    ]
    assert not copy.phases.exists()
    assert copy.coverage == 1
