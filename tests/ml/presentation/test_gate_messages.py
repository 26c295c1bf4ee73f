import pytest
from django.utils.translation import override

from ml.presentation.gate_messages import confirmation_sentences, verdict_rows


def gain(value, low, high):
    return {"value": value, "low": low, "high": high}


def comparison(against, value, low, high):
    nothing = {"value": None, "low": None, "high": None}
    return {
        "against": against,
        "gain": gain(value, low, high),
        "extra_calibration_error": nothing,
        "reasons": [],
    }


def gate(served, best, *, by="later"):
    return {
        "served": served,
        "best_on_folds": best,
        "confirmed_by": by,
        "verdicts": [
            {
                "name": "stack",
                "passed": served == "stack",
                "on_folds": True,
                "negative_transfer": "none",
                "comparisons": [
                    comparison("no_text", 0.05, 0.04, 0.06),
                    comparison("frozen_layers", 0.004, 0.002, 0.006),
                ],
                "confirming": [
                    comparison("no_text", 0.05, 0.03, 0.07),
                    comparison("frozen_layers", -0.001, -0.005, 0.003),
                ],
            }
        ],
    }


def manifest(gate, rule="later", *, undated=0):
    confirmation = {
        "rule": rule,
        "groups": 540 if rule == "later" else 0,
        "since": "2014-08-03" if rule == "later" else None,
        "undated": undated,
        "metrics": {},
    }
    return {"gate": gate, "confirmation": confirmation}


def test_row_has_the_gains_that_were_hardest_to_show():
    (row,) = verdict_rows(gate("frozen_layers", "stack"))
    assert row.on_folds == gain(0.004, 0.002, 0.006)
    assert row.confirming == gain(-0.001, -0.005, 0.003)
    assert row.outcome == "refused"


def test_disagreement_names_both_strategies():
    first, second = confirmation_sentences(manifest(gate("frozen_layers", "stack")))
    assert first.startswith("Strategies were compared on tests that ended before 3 Aug 2014.")
    assert "540 later tests" in first
    assert "The later tests do not confirm it, so “All layers of a frozen encoder" in second


def test_agreement_is_not_mentioned():
    assert len(confirmation_sentences(manifest(gate("stack", "stack")))) == 1


@pytest.mark.parametrize(
    ("by", "words"),
    [("later", "The later tests do not confirm it"), ("nested", "With the choice held out")],
)
def test_nothing_promoted_is_said(by, words):
    sentence = confirmation_sentences(manifest(gate(None, "stack", by=by)))[-1]
    assert words in sentence
    assert sentence.endswith("nothing is promoted.")


def test_undated_tests_are_counted():
    sentences = confirmation_sentences(manifest(gate("stack", "stack"), undated=31))
    assert sentences[1] == "31 tests without a date count as earlier ones."


@pytest.mark.parametrize("rule", ["too_few_dates", "too_few_tests", "too_connected"])
def test_reason_for_no_later_tests_is_given_in_both_languages(rule):
    record = manifest(gate("stack", "stack", by="nested"), rule)
    (english,) = confirmation_sentences(record)
    with override("fr"):
        (french,) = confirmation_sentences(record)
    assert "held out on each fold" in english
    assert "pli par pli" in french
