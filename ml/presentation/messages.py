"""Sentences for the codes of the predictor, in the current language."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

# Keys stored with trainings and rankings; never rename.
STRATEGIES = {
    "no_text": _("No text (all wordings alike)"),
    "tfidf": _("TF-IDF ridge (learned from scratch)"),
    "frozen_head": _("Frozen encoder + ridge (transfer learning)"),
    "frozen_layers": _("All layers of a frozen encoder + ridge (transfer learning)"),
    "random_network": _("The encoder's network from random weights (no transfer)"),
    "lora": _("Encoder with low-rank adapters (transfer learning)"),
    "fine_tuned": _("Fine-tuned encoder (transfer learning)"),
    "with_source": _("Frozen encoder, source tests too (transfer of instances)"),
    "stack": _("TF-IDF, frozen and fine-tuned layers together (transfer learning)"),
}

ABSENCES = {
    "too_few_groups": _("%(found)s past contrasts; at least %(needed)s are needed"),
    "encoder_without_layers": _("the encoder has no layers to read out"),
    "encoder_not_tunable": _("the encoder is not of the BERT family"),
    "not_asked": _("not asked for"),
}

FACTOR_NAMES = {
    "audience": _("Audience"),
    "locale": _("Language"),
    "form": _("Form"),
    "placement": _("Position"),
}

# Names of a factor's levels, as the admin names them; an audience or a language names itself.
LEVEL_NAMES = {
    "form": {
        "button": _("Button"),
        "link": _("Hypertext link"),
        "spoken": _("Spoken instruction"),
    },
    "placement": {
        "above_fold": _("Above the fold"),
        "in_text": _("In the text"),
        "footer": _("Footer"),
        "popup": _("Pop-up"),
        "email": _("E-mail"),
        "spoken": _("Spoken"),
    },
}

# By the proxy A-distance between the texts of source and target, in [0, 2].
LIKENESS = (
    (0.5, _("Source and target texts can hardly be told apart: source tests should help.")),
    (1.2, _("Source and target texts differ: source tests may help; the gate decides.")),
    (2.1, _("Source texts are of a different kind: expect negative transfer; the gate decides.")),
)

# Ways to use a labelled source for a target, by what is known of the target.
SETTINGS = {
    "inductive_target": _("inductive: target labels alone"),
    "inductive_weighted": _("inductive: target labels and the weighted source"),
    "transductive_plain": _("source labels alone"),
    "transductive_weighted": _("transductive: source weighted towards the target's texts"),
    "transductive_aligned": _("transductive: source aligned to the target's texts (CORAL)"),
    "unsupervised_adapted": _("unsupervised: encoder adapted to the target's texts (SimCSE)"),
}

STAGES = {
    "embedding": _("Reading the past wordings"),
    "cross_validation": _("Comparing strategies on held-out tests"),
    "tuning": _("A first predictor is in use; comparing it with fine-tuned ones"),
    "final_fit": _("Fitting the predictor"),
    "fast_parts": _("Building its fast copies"),
}

# Keys stored with trainings and rankings; never rename.
TRANSFERS = {
    "none": "",
    "suspected": _("Negative transfer suspected: the pretrained model is no help here."),
    "detected": _("Negative transfer: the pretrained model does harm here."),
}

# Keys stored with trainings and rankings; never rename.
SENTENCES = {
    # No prediction at all.
    "no_predictor": _("No prediction: no predictor is active. Train one first."),
    "encoder_missing": _(
        "No prediction: the encoder %(encoder)s, on which the predictor was trained, is not on "
        "this machine. Install it again (manage.py install_encoder), or train anew."
    ),
    "no_student": _(
        "The predictor in use cannot sort long lists: it learned from too few wordings, or its "
        "training is not finished."
    ),
    "no_wordings": _("No prediction: there is no wording to rank."),
    "locale_not_covered": _(
        "No prediction: %(tests)s past tests are in this language (%(locale)s); %(needed)s "
        "are needed."
    ),
    "locale_not_transferred": _(
        "No prediction: %(tests)s past tests are in this language (%(locale)s), and the encoder "
        "does not carry over what others showed: of pairs among %(wordings)s wordings in both "
        "languages the predictor prefers the same in %(agreement)s%% only."
    ),
    "audience_by_chance": _(
        "No prediction: on %(tests)s held-out tests with the audience %(audience)s the predictor "
        "was no better than chance."
    ),
    "locale_by_chance": _(
        "No prediction: on %(tests)s held-out tests in this language (%(locale)s) the predictor "
        "was no better than chance."
    ),
    "form_by_chance": _(
        "No prediction: on %(tests)s held-out tests of this form (%(form)s) the predictor was no "
        "better than chance."
    ),
    "placement_by_chance": _(
        "No prediction: on %(tests)s held-out tests in this position (%(placement)s) the "
        "predictor was no better than chance."
    ),
    # No prediction for one wording.
    "empty": _("No prediction: the wording is empty."),
    "too_long": _("No prediction: the wording has more than %(limit)s characters."),
    "html": _("No prediction: the wording contains HTML."),
    "control_characters": _("No prediction: the wording contains control characters."),
    "no_words": _("No prediction: the wording contains no words."),
    "mixed_scripts": _(
        "No prediction: a word of it mixes letters of two alphabets that look alike."
    ),
    "unseen_words": _(
        "No prediction: too many of its words never occurred in past tests "
        "(%(unseen)s%%, at most %(limit)s%%)."
    ),
    "unseen_letters": _("No prediction: its script never occurred in past tests."),
    "far_from_training": _("No prediction: it resembles no past wording."),
    # What to know about a prediction.
    "locale_transferred": _(
        "%(tests)s past tests are in this language (%(locale)s); the answer was learned from tests "
        "in another (%(learned)s). Of pairs among %(wordings)s wordings in both languages the "
        "predictor prefers the same in %(agreement)s%%."
    ),
    "locale_assumed": _("The language was not stated; all past tests are in: %(locale)s."),
    "locale_unverified": _(
        "The language was not stated, so it could not be checked. Past tests are in: %(locales)s."
    ),
    "audience_unknown": _(
        "Too few past tests with the audience %(audience)s (%(tests)s): this answer is for all "
        "audiences."
    ),
    "audience_shared": _(
        "Held-out tests did not show that audiences differ: this answer is for all audiences "
        "(%(tests)s past tests were with the audience %(audience)s)."
    ),
    "audience_own": _(
        "For the audience %(audience)s: %(tests)s past tests of its own, %(borrowed)s%% of the "
        "answer is borrowed from all tests."
    ),
    "locale_own": _(
        "For this language (%(locale)s): %(tests)s past tests of its own, %(borrowed)s%% of the "
        "answer is borrowed from all tests."
    ),
    "form_own": _(
        "For this form (%(form)s): %(tests)s past tests of its own, %(borrowed)s%% of the answer "
        "is borrowed from all tests."
    ),
    "placement_own": _(
        "For this position (%(placement)s): %(tests)s past tests of its own, %(borrowed)s%% of "
        "the answer is borrowed from all tests."
    ),
    "form_unmeasured": _(
        "Learned from other wordings, half of which have %(words)s words or more; not yet measured "
        "on this form (%(form)s): %(tests)s past tests have it, %(needed)s are needed."
    ),
    "form_shrunk": _(
        "On this form (%(form)s) wordings differ less than elsewhere: %(tests)s past tests of its "
        "own. Predicted differences are shrunk to %(share)s%% of what they would be."
    ),
    "control_refused": _("There is no prediction for the control, so none is compared with it."),
    # Training.
    "too_few_groups": _(
        "Too little history: %(found)s tests with two wordings and a click, at least %(needed)s "
        "are needed."
    ),
    "too_few_components": _(
        "Too little history: all tests share wordings, stories or images; %(found)s separate "
        "families, at least %(needed)s are needed."
    ),
    "too_few_pairs": _(
        "Too little history: %(found)s pairs of wordings differ in their click rate."
    ),
    "nothing_passed": _(
        "Nothing is promoted: no strategy was shown to beat a prediction without text. "
        "The active predictor, if any, stays."
    ),
    # Faults of the installation.
    "damaged": _("The stored predictor cannot be used: %(detail)s"),
    "encoder": _("The encoder cannot be used: %(detail)s"),
    "encoder_packaged": _(
        "The encoder %(encoder)s is part of the product: it is neither installed nor removed."
    ),
    "encoder_needed": _("The encoder %(encoder)s stays: predictor %(predictor)s needs it."),
    "not_fitted": _("The training failed, the predictor in use stays: %(detail)s"),
    "disk": _("The predictor cannot be stored: %(detail)s"),
    # Judging.
    "no_groups": _(
        "There is no past test to evaluate on: none outside doubtful periods has two wordings and "
        "a click (%(suspect)s inside them do)."
    ),
    "nothing_answered": _("The predictor has no answer for any of these tests."),
}


def likeness_sentence(proxy_a_distance: float) -> str:
    """Return what the distance between source and target texts means, in the current language.

    Args:
        proxy_a_distance: In [0, 2].

    >>> likeness_sentence(1.9)
    'Source texts are of a different kind: expect negative transfer; the gate decides.'
    """
    return str(next(text for limit, text in LIKENESS if proxy_a_distance < limit))


def sentence(code: str, params: Mapping[str, Any]) -> str:
    """Return what a code means, in the current language.

    Args:
        code: Key of `SENTENCES`.
        params: Figures and names of the sentence.

    Raises:
        KeyError: If the code is unknown or a parameter is missing.

    >>> sentence("too_long", {"limit": 300})
    'No prediction: the wording has more than 300 characters.'
    """
    named = {
        name: level_name(name, value) if isinstance(value, str) else value
        for name, value in params.items()
    }
    return str(SENTENCES[code]) % named


def level_name(factor: str, level: str) -> str:
    """Return the name of a factor's level in the current language; itself where it has none.

    >>> level_name("placement", "in_text"), level_name("locale", "fr")
    ('In the text', 'fr')
    """
    return str(LEVEL_NAMES.get(factor, {}).get(level, level))
