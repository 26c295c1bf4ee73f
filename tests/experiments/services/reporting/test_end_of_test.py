from datetime import timedelta

import pytest

from experiments.models import Decision, Variant
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.decisions import Choice
from experiments.services.reporting.end_of_test import (
    VERDICTS,
    Suggestion,
    decision_in_words,
    end_test,
    figures_of,
    names_of,
    report_then_in_words,
    runner_up,
    suggestion_of,
)
from experiments.stats.decision.decide import Status
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count
from tests.factories import NOW


@pytest.fixture
def experiment(slot):
    """A running test of three arms; `b` does far better, `c` a little."""
    shares = {"control": "0.3334", "b": "0.3333", "c": "0.3333"}
    experiment = factories.make_running_experiment(slot, shares=shares)
    count(experiment, (1_000, 60), (1_000, 150), (1_000, 70))
    return experiment


def decided(experiment, **choice):
    """The decision, taken on the figures of now."""
    end_test(experiment=experiment, choice=Choice(**choice), occasion=Occasion(now=NOW))
    return Decision.objects.get()


def test_report_suggests_its_winner(experiment):
    assert suggestion_of(concluded(experiment)) == Suggestion(outcome="winner", arm="b")


def test_report_without_an_answer_suggests_nothing(running_experiment):
    count(running_experiment, (1_000, 60), (1_000, 61))
    assert suggestion_of(concluded(running_experiment)) == Suggestion()


def test_harm_suggests_to_keep_the_control(running_experiment):
    count(running_experiment, (1_000, 150), (1_000, 50))
    assert suggestion_of(concluded(running_experiment)) == Suggestion(outcome="control")


def test_broken_split_suggests_invalid(running_experiment):
    count(running_experiment, (1_000, 60), (2_000, 300))
    assert suggestion_of(concluded(running_experiment)) == Suggestion(outcome="invalid")


def test_figures_are_those_of_the_chosen_arm(experiment):
    decision = decided(experiment, outcome="winner", arm="c")
    assert (decision.verdict, decision.visitors) == ("ship", 3_000)
    assert decision.compared.key == "c"
    assert decision.lift == pytest.approx(70 / 60 - 1)


def test_without_a_chosen_arm_figures_are_those_of_the_clearest(experiment):
    decision = decided(experiment, outcome="inconclusive")
    assert decision.compared.key == "b"
    assert decision.lift == pytest.approx(1.5)


def test_draft_has_no_figures_of_an_arm(draft):
    figures = figures_of(concluded(draft))
    assert (figures.arm, figures.lift, figures.p_value, figures.visitors) == ("", None, None, 0)


def test_runner_up_has_the_next_best_lift(experiment):
    report = concluded(experiment).report
    assert runner_up(report, kept=1) == 2
    assert runner_up(report, kept=0) == 1
    assert runner_up(report, kept=2) == 1


def test_control_is_the_runner_up_of_two_arms_and_of_losers(running_experiment):
    count(running_experiment, (1_000, 60), (1_000, 150))
    assert runner_up(concluded(running_experiment).report, kept=1) == 0


def test_arm_that_was_rolled_back_is_no_runner_up(experiment):
    Variant.objects.filter(experiment=experiment, key="c").update(
        share=0, rolled_back_at=NOW, rollback_reason="{}"
    )
    Variant.objects.filter(experiment=experiment, key="control").update(share="0.6667")
    assert runner_up(concluded(experiment).report, kept=1) == 0


def test_decision_and_report_are_told_in_words(experiment):
    decision = decided(experiment, outcome="winner", arm="b")
    names = names_of(experiment)
    assert decision_in_words(decision, names=names) == "“hero-test b” has won"
    told = report_then_in_words(decision, names=names)
    assert told.startswith("The report said then: ship the winner. “hero-test b”: lift +150.0")


@pytest.mark.parametrize("status", Status)
def test_every_verdict_has_a_short_name(status, running_experiment):
    decision = Decision(experiment=running_experiment, verdict=status.value)
    assert str(VERDICTS[status]) in report_then_in_words(decision, names={})


def test_decision_without_a_report_tells_none(running_experiment):
    assert report_then_in_words(Decision(experiment=running_experiment), names={}) == ""


def test_late_decision_keeps_the_end_of_the_test(experiment):
    end_test(
        experiment=experiment,
        choice=Choice(outcome="invalid"),
        occasion=Occasion(now=NOW + timedelta(hours=1)),
    )
    experiment.refresh_from_db()
    assert experiment.stopped_at == NOW + timedelta(hours=1)
