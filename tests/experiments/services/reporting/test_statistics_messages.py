"""Whatever the statistics say to the reader of a page must come out in French."""

import re

import pytest
from django.utils import translation

from experiments.services.insights.sample_size import Assumptions, plan_for
from experiments.services.reporting.statistics_messages import FAULTS, REASONS, REMARKS, in_words
from experiments.stats.bayesian.normal_model import NO_SPREAD
from experiments.stats.engine.analyze import analyze
from experiments.stats.engine.request import InvalidRequest
from experiments.stats.estimation.undefined_reasons import Reason
from experiments.stats.frequentist.exact_tests import compare_exact
from experiments.stats.health.sample_ratio import check_srm

ENGLISH = re.compile(r"\b(the|an|is|of|must|visitors|arm|more|got|prior)\b")


def said_of(method, control, arm):
    """What the calculator shows beside the figures of two arms, each visitors and clicks."""
    arms = [{"name": "A", "n": control[0], "sum": control[1]}]
    arms.append({"name": "B", "n": arm[0], "sum": arm[1]})
    answer = analyze({"metric": "proportion", "method": method, "alpha": 0.05, "arms": arms})
    return [*answer["warnings"], *(row["reason"] or "" for row in answer["comparisons"])]


def fault_of(function, *args, **kwargs):
    with pytest.raises(ValueError, match=r".") as caught:
        function(*args, **kwargs)
    return str(caught.value)


def refused(**changes):
    arms = [{"name": "A", "n": 100, "sum": 5}, {"name": "B", "n": 100, "sum": 5} | changes]
    with pytest.raises(InvalidRequest) as caught:
        analyze({"metric": "proportion", "method": "fixed", "alpha": 0.05, "arms": arms})
    return str(caught.value)


def french(text):
    with translation.override("fr"):
        return in_words(text)


@pytest.mark.parametrize("method", ["fixed", "sequential", "exact", "bayesian"])
@pytest.mark.parametrize(
    ("control", "arm"),
    [((100, 0), (100, 5)), ((0, 0), (100, 5)), ((1, 0), (100, 5)), ((1000, 90), (2000, 90))],
    ids=["no click", "no visitor", "one visitor", "mismatch"],
)
def test_calculator_speaks_french_throughout(method, control, arm):
    for text in said_of(method, control, arm):
        assert not ENGLISH.search(french(text)), text


@pytest.mark.parametrize(
    "changes",
    [{"sum": 200}, {"n": 100.5}, {"sum": 5.5}, {"n": -1}, {"sum": -1}, {"name": "A"}, {"name": ""}],
    ids=str,
)
def test_faults_of_a_request_are_told_in_french(changes):
    told = french(refused(**changes))
    assert told.startswith("Variante n° 1\u00a0:")
    assert not ENGLISH.search(told)


@pytest.mark.parametrize(("base", "lift"), [(0.02, 0.0), (0.5, 2.0)])
def test_faults_of_a_plan_are_told_in_french(base, lift):
    told = french(fault_of(plan_for, Assumptions(base=base, lift=lift)))
    assert not ENGLISH.search(told)


@pytest.mark.parametrize(("counts", "shares"), [([1.5, 5], [0.5, 0.5]), ([9, 5], [1.5, -0.5])])
def test_faults_of_a_split_are_told_in_french(counts, shares):
    assert not ENGLISH.search(french(fault_of(check_srm, counts, shares)))


@pytest.mark.parametrize("visitors", [100, 600, 6_000_000])
def test_exact_tests_say_in_french_why_they_were_chosen(visitors):
    arm = (visitors // 50, visitors)
    assert not ENGLISH.search(french(compare_exact(arm, arm, alpha=0.05).rule))


def test_every_reason_is_listed():
    assert set(REASONS) == {reason.sentence for reason in Reason if reason.sentence}
    assert NO_SPREAD in REMARKS


def test_sentences_are_found_among_others_and_keep_their_figures():
    text = "B: Model beta-binomial, prior beta(1, 1). An arm has no visitors. Something else."
    assert french(text) == (
        "B: Modèle beta-binomial, loi a priori beta(1, 1). Une variante n\u2019a aucun visiteur. "
        "Something else."
    )


def test_english_stays_as_it_is():
    for sentence in (*REASONS, *REMARKS, *FAULTS):
        assert in_words(sentence) == sentence


def test_nothing_is_said_of_nothing():
    assert in_words(None) == ""
