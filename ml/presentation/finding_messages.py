"""Sentences for traits, checks and proposals, in the current language."""

from collections.abc import Mapping
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

# Keys stored with rankings; never rename.
TRAIT_NAMES = {
    "urgency": _("Urgency"),
    "scarcity": _("Scarcity"),
    "reward": _("Reward"),
    "social_proof": _("Social proof"),
    "clarity": _("Clarity"),
    "verb_first": _("Action verb first"),
    "first_person": _("First person"),
    "question": _("Question"),
    "number": _("Number"),
}

TRAIT_MEANINGS = {
    "urgency": _("Says that time is running out: now, today, before Sunday."),
    "scarcity": _("Says that little is left: only 3, limited, exclusive."),
    "reward": _("Names a gain: free, gift, discount."),
    "social_proof": _("Says that others do it: 8,000 readers, popular, recommended."),
    "clarity": _("Says what comes next: in 2 minutes, no card, a quote."),
    "verb_first": _("Begins with a verb for what the visitor does."),
    "first_person": _("Speaks as the visitor: my, I."),
    "question": _("Asks."),
    "number": _("Contains a figure."),
}

# Keys stored with past tests; never rename.
VERB_FORM_NAMES = {
    "infinitive": _("Infinitive"),
    "imperative": _("Imperative"),
    "imperative_familiar": _("Familiar imperative"),
    "first_person": _("Verb in the first person"),
}

CHECKS = {
    "length": _("Length"),
    "verb": _("Action verb"),
    "meaning": _("Meaning"),
    "reading": _("Ease of reading"),
    "letters": _("Letters and signs"),
    "contrast": _("Contrast"),
    "target": _("Size of the target"),
    "fold": _("Position"),
}

FINDINGS = {
    "length_good": _("%(words)s, %(characters)s."),
    "length_long": _(
        "%(words)s, %(characters)s. That is long: try at most "
        "%(most_words)s words and %(most_characters)s characters."
    ),
    "language_unknown": _("There is no lexicon for this language, so the verb was not checked."),
    "verb_infinitive": _("Begins with a verb in the infinitive: “%(verb)s”."),
    "verb_imperative": _("Begins with a verb in the imperative: “%(verb)s”."),
    "verb_imperative_familiar": _("Begins with a verb in the familiar imperative: “%(verb)s”."),
    "verb_first_person": _("Begins with a verb in the first person: “%(verb)s”."),
    "verb_missing": _("No action verb was recognised at the start. Say what the visitor does."),
    "vague": _("Does not say what comes next, least of all to those who hear it out of context."),
    "clicking": _("“%(words)s” says what the hand does, not what one gets: name that instead."),
    "reading_easy": _("Easy to read (Flesch %(ease)s)."),
    "reading_medium": _("Fairly hard to read (Flesch %(ease)s): try shorter words or sentences."),
    "reading_hard": _("Hard to read (Flesch %(ease)s): try shorter words or sentences."),
    "reading_short": _("Easy words: the longest is “%(word)s”."),
    "reading_long_word": _("“%(word)s” is a long word (%(syllables)s syllables)."),
    "mixed_scripts": _("“%(word)s” mixes letters of two alphabets that look alike."),
    "all_capitals": _("All in capitals: slower to read, and some screen readers spell it out."),
    "many_marks": _("Several punctuation marks in a row look like shouting."),
    "emoji": _("Contains a symbol that screen readers read out by name."),
    "contrast_good": _("%(ratio)s to 1, at least %(needed)s needed (WCAG 2.2, level AA)."),
    "contrast_low": _("%(ratio)s to 1, but %(needed)s are needed (WCAG 2.2, level AA)."),
    "target_aaa": _("About %(pixels)s px as drawn here: meets the 44 px of level AAA (WCAG 2.2)."),
    "target_aa": _(
        "About %(pixels)s px as drawn here: meets the 24 px of level AA, but not the 44 px of "
        "level AAA (WCAG 2.2)."
    ),
    "target_small": _(
        "About %(pixels)s px as drawn here, but 24 px are needed (WCAG 2.2, level AA)."
    ),
    "target_inline": _("A link in a sentence needs no minimum size (WCAG 2.2)."),
    "target_unknown": _("The page decides how large it is: make sure that it has at least 24 px."),
    "fold_above": _("Seen without scrolling."),
    "fold_popup": _("Seen without scrolling, but over what the visitor reads."),
    "fold_text": _("Not always seen without scrolling: only visitors who get there count."),
    "fold_below": _("At the end of the page: few visitors get there."),
    "fold_email": _("Where it stands in the e-mail is not known here."),
    "fold_spoken": _("Heard, not seen."),
    "fold_unknown": _("Choose a slot to see whether it is above the fold."),
}
# Findings that count words and characters.
COUNTED = frozenset({"length_good", "length_long"})

# Keys stored with rankings; never rename.
RULES = {
    "own_best": _("Your own: it beat the others of the test %(source)s."),
    "own_best_elsewhere": _("It won the test %(source)s of another site."),
    "verb": _("Another verb for “%(source)s”."),
    "form": _("Another form of the verb of “%(source)s”."),
    "possessive": _("“%(source)s” as the visitor says it."),
    "principle": _("“%(source)s” with a principle: %(principle)s."),
    "instead_of_vague": _("Instead of “%(source)s”, which does not say what comes next."),
    "shorter": _("“%(source)s” without words that say nothing."),
}


def finding_sentence(code: str, params: Mapping[str, Any]) -> str:
    """Return the sentence of a finding, in the current language.

    Args:
        code: Key of `FINDINGS`.
        params: Figures and words of the sentence.

    Raises:
        KeyError: If the code is unknown or a parameter is missing.

    >>> finding_sentence("contrast_low", {"ratio": 3.14, "needed": 4.5})
    '3.14 to 1, but 4.5 are needed (WCAG 2.2, level AA).'
    """
    shown = {
        name: number_format(value) if isinstance(value, float) else value
        for name, value in params.items()
    }
    if code in COUNTED:
        words, characters = params["words"], params["characters"]
        shown["words"] = ngettext("%(count)s word", "%(count)s words", words) % {"count": words}
        shown["characters"] = ngettext(
            "%(count)s character", "%(count)s characters", characters
        ) % {"count": characters}
    return str(FINDINGS[code]) % shown
