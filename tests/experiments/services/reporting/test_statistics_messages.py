"""Whatever the statistics say to the reader of a page must come out in French."""

import re

import pytest
from django.utils import translation

from experiments.services.insights.sample_size import Assumptions, plan_for
from experiments.services.reporting.statistics_messages import error_in_words, in_words
from experiments.stats.engine.analyze import analyze
from experiments.stats.engine.fields import InvalidRequest
from experiments.stats.estimation.messages import ENGLISH, Message, MessageCode, Text, joined
from experiments.stats.estimation.undefined_reasons import Reason
from experiments.stats.frequentist.exact_tests import compare_exact
from experiments.stats.health.sample_ratio import check_srm

GAP = re.compile(r"%\((\w+)\)s")
ENGLISH_WORDS = re.compile(r"\b(the|an|is|of|must|visitors|arm|more|got|prior)\b")


def said_of(method, control, arm):
    """What the calculator shows beside the figures of two arms, each visitors and clicks."""
    arms = [{"name": "A", "n": control[0], "sum": control[1]}]
    arms.append({"name": "B", "n": arm[0], "sum": arm[1]})
    answer = analyze({"metric": "proportion", "method": method, "alpha": 0.05, "arms": arms})
    return [*answer["warnings"], *(row["reason"] or "" for row in answer["comparisons"])]


def french_fault_of(function, *args, **kwargs):
    with pytest.raises(ValueError, match=r".") as caught:
        function(*args, **kwargs)
    with translation.override("fr"):
        return error_in_words(caught.value)


def refused(**changes):
    arms = [{"name": "A", "n": 100, "sum": 5}, {"name": "B", "n": 100, "sum": 5} | changes]
    with pytest.raises(InvalidRequest) as caught:
        analyze({"metric": "proportion", "method": "fixed", "alpha": 0.05, "arms": arms})
    return caught.value


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
        assert not ENGLISH_WORDS.search(french(text)), text


@pytest.mark.parametrize(
    "changes",
    [{"sum": 200}, {"n": 100.5}, {"sum": 5.5}, {"n": -1}, {"sum": -1}, {"name": "A"}, {"name": ""}],
    ids=str,
)
def test_faults_of_a_request_are_told_in_french(changes):
    error = refused(**changes)
    assert str(error) == error.text == f"{error.field}: {error.message}"
    with translation.override("fr"):
        told = error_in_words(error)
    assert told.startswith("Variante n° 1\u00a0:")
    assert not ENGLISH_WORDS.search(told)


@pytest.mark.parametrize(("base", "lift"), [(0.02, 0.0), (0.5, 2.0)])
def test_faults_of_a_plan_are_told_in_french(base, lift):
    told = french_fault_of(plan_for, Assumptions(base=base, lift=lift))
    assert not ENGLISH_WORDS.search(told)


@pytest.mark.parametrize(("counts", "shares"), [([1.5, 5], [0.5, 0.5]), ([9, 5], [1.5, -0.5])])
def test_faults_of_a_split_are_told_in_french(counts, shares):
    assert not ENGLISH_WORDS.search(french_fault_of(check_srm, counts, shares))


@pytest.mark.parametrize("visitors", [100, 600, 6_000_000])
def test_exact_tests_say_in_french_why_they_were_chosen(visitors):
    arm = (visitors // 50, visitors)
    assert not ENGLISH_WORDS.search(french(compare_exact(arm, arm, alpha=0.05).rule))


def gapped(code):
    return Message(code, **{name: f"%({name})s" for name in GAP.findall(ENGLISH[code])})


def test_every_reason_has_a_code():
    assert {reason.sentence.code.name for reason in Reason if reason} == {
        reason.name for reason in Reason if reason
    }
    assert Reason.DEFINED.sentence is None


@pytest.mark.parametrize("code", MessageCode, ids=lambda code: code.value)
def test_every_code_is_translated_from_the_same_english(code):
    message = gapped(code)
    with translation.override("en"):
        assert in_words(message) == message == ENGLISH[code]
    assert french(message) != message
    assert set(GAP.findall(french(message))) == set(message.numbers)


def test_messages_are_found_among_other_words_and_keep_their_figures():
    model = Message(MessageCode.MODEL_AND_PRIOR, model="beta-binomial", prior="beta(1, 1)")
    said = joined([model, Message(MessageCode.NO_VISITORS), "Something else."])
    text = Text(["B: ", said])
    assert text == (
        "B: Model beta-binomial, prior beta(1, 1). An arm has no visitors. Something else."
    )
    assert french(text) == (
        "B: Modèle beta-binomial, loi a priori beta(1, 1). Une variante n\u2019a aucun visiteur. "
        "Something else."
    )


def test_words_that_look_like_a_message_stay_as_they_are():
    assert french(str(ENGLISH[MessageCode.NO_VISITORS])) == ENGLISH[MessageCode.NO_VISITORS]


def test_nothing_is_said_of_nothing():
    assert in_words(None) == ""


def test_numbers_are_written_in_the_reader_s_language():
    message = Message(MessageCode.SCORE, n=10_000_000)
    assert "10,000,000" in message
    with translation.override("fr"):
        assert "10\u00a0000\u00a0000" in in_words(message)
