"""Opening verb of a call to action, and its form."""

import re
from dataclasses import dataclass

from ml.language.lexicon import Lexicon, Mood, Verb, fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The verb that a wording begins with.

    Args:
        mood: Mood of the form.
        verb: The verb of the lexicon; None if only its ending was recognised.
        head: Words of the form in the folded text, after any opener.
        rest: Following text, as written.
    """

    mood: Mood
    verb: Verb | None
    head: str
    rest: str


def opening_of(text: str, lexicon: Lexicon) -> Opening | None:
    """Return the action verb that a wording begins with, or None.

    Args:
        text: A wording.
        lexicon: Lexicon of its language.

    >>> from ml.language.lexicon import lexicon_of
    >>> french = lexicon_of("fr")
    >>> texts = ("Télécharger le guide", "Je télécharge le guide", "Téléchargez-le", "Le guide")
    >>> [opening_of(text, french) and opening_of(text, french).mood for text in texts]
    ['infinitive', 'first_person', 'imperative', None]
    >>> opening_of("I want to see the price", lexicon_of("en")).mood
    'first_person'
    """
    plain = " ".join(text.split())
    folded, spoken = fold(plain), False
    for kind, phrases in lexicon.openers.items():
        for phrase in phrases:
            if folded.startswith(f"{phrase} "):
                plain, folded = plain[len(phrase) + 1 :], folded[len(phrase) + 1 :]
                spoken = spoken or kind == "first_person"
    opening = _from_lexicon(plain, folded, lexicon) or _by_ending(plain, folded, lexicon)
    if opening is None or not spoken:
        return opening
    return Opening(mood="first_person", verb=opening.verb, head=opening.head, rest=opening.rest)


def _from_lexicon(plain: str, folded: str, lexicon: Lexicon) -> Opening | None:
    match = lexicon.head.match(folded)
    if match is None:
        return None
    mood, verb = lexicon.forms[match[0]]
    return Opening(mood=mood, verb=verb, head=match[0], rest=plain[match.end() :].strip())


def _by_ending(plain: str, folded: str, lexicon: Lexicon) -> Opening | None:
    """Detect a French verb by its ending: "-er" and "-ir" infinitive, "-ez" imperative."""
    match = re.match(r"(?:s'|se )?(\w{2,}(er|ir|ez))(?:-\w+)?(?!\w|')", folded)
    if lexicon.language != "fr" or match is None or lexicon.not_verbs & {match[0], match[1]}:
        return None
    mood: Mood = "imperative" if match[2] == "ez" else "infinitive"
    return Opening(mood=mood, verb=None, head=match[0], rest=plain[match.end() :].strip())
