import pytest
from django.utils import translation

from ml.presentation import descriptions
from ml.presentation.finding_messages import RULES, TRAIT_NAMES


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_of_a_rewording_has_its_sentence(rule):
    suggestion = {"rule": rule, "source": "Start now", "principle": "reward"}
    assert "%(" not in descriptions.describe_suggestion(suggestion)


@pytest.mark.parametrize("principle", TRAIT_NAMES)
def test_every_principle_can_be_named_in_a_rewording(principle):
    suggestion = {"rule": "principle", "source": "Start", "principle": principle}
    assert str(TRAIT_NAMES[principle]) in descriptions.describe_suggestion(suggestion)


def test_reason_is_described_in_the_language_of_the_reader():
    reason = {"code": "empty", "params": {}}
    english = descriptions.describe(reason)
    with translation.override("fr"):
        assert descriptions.describe(reason) != english


def test_unknown_stage_is_shown_as_it_is():
    assert descriptions.describe_stage("polishing") == "polishing"
    assert descriptions.describe_stage("embedding") == "Reading the past wordings"


def test_absent_negative_transfer_has_no_sentence():
    assert descriptions.describe_transfer("none") == ""
    assert descriptions.describe_transfer("detected").startswith("Negative transfer")
