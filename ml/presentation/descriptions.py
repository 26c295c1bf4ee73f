"""Sentences for the codes that the facade returns."""

from collections.abc import Mapping
from typing import Any

from ml.presentation import gate_messages
from ml.presentation.finding_messages import RULES, TRAIT_NAMES
from ml.presentation.messages import STAGES, STRATEGIES, TRANSFERS, sentence
from ml.scoring.manifest import Manifest


def describe_suggestion(suggestion: Mapping[str, Any]) -> str:
    """Return how a rewording was made, in the current language.

    Args:
        suggestion: With `rule`, `source` and `principle`; `of_another_site` if it is.

    >>> describe_suggestion({"rule": "verb", "source": "Start now", "principle": None})
    'Another verb for “Start now”.'
    """
    principle = suggestion["principle"]
    name = str(TRAIT_NAMES[principle]) if principle else ""
    shown = {"source": suggestion["source"], "principle": name}
    rule = "own_best_elsewhere" if suggestion.get("of_another_site") else suggestion["rule"]
    return str(RULES[rule]) % shown


def describe(reason: Mapping[str, Any]) -> str:
    """Return a refusal or note of `score` as a sentence in the current language.

    Args:
        reason: With `code` and `params`.

    >>> describe({"code": "empty", "params": {}})
    'No prediction: the wording is empty.'
    """
    return sentence(reason["code"], reason["params"])


def describe_strategy(name: str) -> str:
    """Return a strategy's name in the current language.

    Args:
        name: Key of the strategy.

    >>> describe_strategy("tfidf")
    'TF-IDF ridge (learned from scratch)'
    """
    return str(STRATEGIES[name])


def describe_transfer(negative_transfer: str) -> str:
    """Return the gate's sentence on negative transfer; empty if there was none.

    Args:
        negative_transfer: `none`, `suspected` or `detected`.

    >>> describe_transfer("none")
    ''
    """
    return str(TRANSFERS[negative_transfer])


def describe_confirmation(manifest: Manifest) -> list[str]:
    """Return which tests confirmed the gate's choice, and a disagreement with the folds.

    Args:
        manifest: Record of a training.

    >>> describe_confirmation({"gate": {"served": None, "verdicts": []}})
    []
    """
    return gate_messages.confirmation_sentences(manifest)


def describe_stage(stage: str) -> str:
    """Return a stage of the training in the current language.

    Args:
        stage: Stage of the progress callback; an unknown text is returned unchanged.

    >>> describe_stage("embedding")
    'Reading the past wordings'
    """
    return str(STAGES.get(stage, stage))
