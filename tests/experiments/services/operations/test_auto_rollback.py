import json
from datetime import timedelta

import numpy as np
import pytest
from django.utils import translation
from scipy.stats import binomtest

from experiments.models import Change, Experiment, GoalRollup
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.transitions import resume_experiment, roll_back_experiment
from experiments.services.operations.auto_rollback import (
    alarm_of,
    note_in_words,
    reason_by_hand,
    reason_in_words,
    watch_experiments,
)
from experiments.services.reporting.report_json import report_as_json
from experiments.services.serving.snapshot import build_snapshot
from experiments.stats.health.sample_ratio import check_srm_sequential
from experiments.tasks import watch_experiments as task
from tests import factories
from tests.experiments.services.counted_experiments import concluded
from tests.factories import NOW

Status = Experiment.Status


def with_counts(experiment, *counts, clicks=(0, 0)):
    for variant, visitors, clicked in zip(
        experiment.variants.order_by("arm"), counts, clicks, strict=True
    ):
        factories.make_rollup(variant, visitors=visitors, clicks=clicked)


def with_guardrail(experiment, **changes):
    values = {"metric": "click_rate", "margin": 0.02}
    return experiment.guardrails.create(**(values | changes))


def test_mismatch_rolls_back_and_everybody_gets_the_default(running_experiment):
    with_counts(running_experiment, 5_000, 5_600)
    (experiment,) = watch_experiments(now=NOW)
    assert (experiment.status, experiment.rolled_back_at) == (Status.PAUSED, NOW)
    assert json.loads(experiment.rollback_reason)["code"] == "srm"
    assert Change.objects.get().kind == "rollback"
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    assert not site.slots["hero"].experiments[0].is_running


def test_harmed_guardrail_rolls_back_whatever_the_plan(slot):
    experiment = factories.make_running_experiment(slot, plan="fixed", planned_visitors=10_000)
    with_guardrail(experiment)
    with_counts(experiment, 5_000, 5_000, clicks=(500, 300))
    (rolled_back,) = watch_experiments(now=NOW)
    reason = json.loads(rolled_back.rollback_reason)
    assert (reason["code"], reason["arm"], reason["metric"]) == ("guardrail", "b", "Click rate")
    assert reason["high"] < 0


def test_only_the_harmed_arm_is_rolled_back(slot):
    shares = {"control": "0.5", "b": "0.25", "c": "0.25"}
    experiment = factories.make_running_experiment(slot, shares=shares, planned_visitors=20_000)
    with_guardrail(experiment)
    with_counts(experiment, 5_000, 2_500, 2_500, clicks=(500, 250, 0))
    assert watch_experiments(now=NOW) == [experiment]
    stored = Experiment.objects.get()
    assert (stored.status, stored.rolled_back_at) == (Status.RUNNING, None)
    assert [float(arm.share) for arm in stored.variants.all()] == [0.6667, 0.3333, 0]
    change = Change.objects.get()
    assert change.kind == "arm_off"
    traffic, reason = note_in_words(change.kind, change.note).split("\n")
    assert traffic == "control 66.67%, b 33.33%, c 0%; 100% of the audience"
    assert reason.startswith("“c” harms Click rate: \u2212100.0% to \u22129")
    # Its alarm persists, and there is nothing left to do about it.
    assert watch_experiments(now=NOW) == []


def test_arm_without_any_sign_up_rolls_back_at_the_next_fold(slot):
    experiment = factories.make_running_experiment(slot, planned_visitors=80_000)
    with_guardrail(experiment, metric="conversion_rate", goal="signup")
    with_counts(experiment, 20_000, 20_000, clicks=(2_000, 2_000))
    control = experiment.variants.get(key="control")
    GoalRollup.objects.create(
        experiment=experiment,
        variant=control,
        day=NOW.date(),
        goal="signup",
        converting_visitors=2_000,
    )
    (rolled_back,) = watch_experiments(now=NOW)
    assert rolled_back.status == Status.PAUSED


@pytest.mark.parametrize(
    ("counts", "clicks"),
    [((5_000, 5_100), (500, 490)), ((0, 0), (0, 0)), ((30, 5), (3, 0))],
    ids=["in order", "nobody", "few"],
)
def test_experiment_in_order_goes_on(running_experiment, counts, clicks):
    with_guardrail(running_experiment)
    with_counts(running_experiment, *counts, clicks=clicks)
    assert watch_experiments(now=NOW) == []
    assert Experiment.objects.get().status == Status.RUNNING


def test_experiment_that_shall_not_roll_back_goes_on(running_experiment):
    with_counts(running_experiment, 5_000, 6_000)
    Experiment.objects.update(rolls_back=False)
    assert watch_experiments(now=NOW) == []


def test_undoing_goes_on_and_the_same_alarm_does_not_roll_back_again(running_experiment, owner):
    with_counts(running_experiment, 5_000, 5_600)
    watch_experiments(now=NOW)
    assert resume_experiment(experiment=running_experiment, now=NOW, author=owner)
    stored = Experiment.objects.get()
    assert (stored.status, stored.rolled_back_at, stored.rollback_reason) == ("running", None, "")
    assert watch_experiments(now=NOW) == []
    assert [change.kind for change in Change.objects.all()] == ["undo", "rollback"]


def test_rolling_back_happens_once(running_experiment):
    occasion = Occasion(now=NOW)
    reason = reason_by_hand("Wrong price.")
    done = [
        roll_back_experiment(experiment=running_experiment, reason=reason, occasion=occasion)
        for _ in range(2)
    ]
    assert done == [True, False]
    assert reason_in_words(running_experiment.rollback_reason) == "Wrong price."


def test_shares_that_changed_raise_no_alarm_of_their_own(running_experiment):
    factories.make_phases(running_experiment, ([0.5, 0.5], 1.0), ([0.9, 0.1], 1.0))
    with_counts(running_experiment, 1_000, 1_000)
    for variant, visitors in zip(running_experiment.variants.all(), (9_000, 1_000), strict=True):
        factories.make_rollup(variant, visitors=visitors, phase=1)
    assert alarm_of(running_experiment) is None
    # The same visitors, had the shares been halves all along:
    assert check_srm_sequential([[10_000, 2_000]], [[0.5, 0.5]]).is_mismatch


def test_task_watches_by_the_clock(running_experiment):
    with_counts(running_experiment, 5_000, 6_000)
    task()
    assert Experiment.objects.get().status == Status.PAUSED


def test_reasons_are_read_in_the_language_of_the_reader():
    rail = {"code": "guardrail", "arm": "b", "metric": "Click rate", "margin": 0.02}
    guardrail = json.dumps({**rail, "low": -0.4, "high": -0.3})
    srm = json.dumps({"code": "srm", "p_value": 0.0001})
    open_end = json.dumps({**rail, "low": None, "high": -0.3})
    assert "\u2212∞ to \u221230.0%" in reason_in_words(open_end)
    assert (
        reason_in_words(guardrail)
        == "“b” harms Click rate: \u221240.0% to \u221230.0%, more than 2.0%."
    )
    assert reason_in_words(reason_by_hand("")) == "By hand."
    with translation.override("fr"):
        assert "ne se répartissent pas" in reason_in_words(srm)


@pytest.mark.slow
def test_split_that_is_right_is_hardly_ever_rolled_back_however_often_one_looks():
    rng = np.random.default_rng(20_261_125)
    n_experiments, looks = 1_000, 200
    steps = rng.multinomial(100, [0.5, 0.3, 0.2], size=(n_experiments, looks))
    counts = steps.cumsum(axis=1)
    alarms = sum(
        any(check_srm_sequential([row], [[0.5, 0.3, 0.2]]).is_mismatch for row in course[9::10])
        for course in counts
    )
    assert binomtest(alarms, n_experiments, 0.001, "greater").pvalue > 0.001


def test_others_go_on_and_may_win_after_an_arm_was_rolled_back(slot):
    shares = {"control": "0.5", "b": "0.25", "c": "0.25"}
    started = NOW - timedelta(days=10)
    experiment = factories.make_running_experiment(
        slot, shares=shares, started_at=started, planned_visitors=20_000
    )
    with_guardrail(experiment, metric="conversion_rate", goal="order")
    with_counts(experiment, 8_000, 4_000, 4_000, clicks=(400, 300, 0))
    for variant, orders in zip(experiment.variants.all(), (800, 400, 100), strict=True):
        GoalRollup.objects.create(
            experiment=experiment,
            variant=variant,
            day=NOW.date() - timedelta(days=1),
            goal="order",
            converting_visitors=orders,
        )
    watch_experiments(now=NOW)
    full = concluded(experiment)
    assert full.verdict.title == "Ship “hero-test b”."
    assert "“hero-test c” was rolled back: nobody is given it any more." in full.verdict.sentences
    assert any(text.startswith("Open question: a loss of up") for text in full.verdict.cautions)
    arms = report_as_json(full)["arms"]
    assert [arm["is_rolled_back"] for arm in arms] == [False, False, True]
