"""Rewordings to test: other verbs and forms, principles to add, the site's own best wordings.

Rewordings are not claimed to be better: the model ranks them, and a test decides.
"""

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.language.lexicon import Lexicon, Mood, Verb, fold, lexicon_for
from ml.language.traits import Trait, find_traits
from ml.language.verbs import Opening, opening_of
from ml.scoring.similar_wordings import PastWording

Rule = Literal["own_best", "verb", "form", "possessive", "principle", "instead_of_vague", "shorter"]

# Longest wording, in words, to which text is appended.
MAX_WORDS_TO_EXTEND = 6
# Intent of verbs with too many meanings to replace each other.
NO_INTENT = "other"
# Cosine likeness from which a past wording makes the same offer. Between pairs of CTAs with the
# packaged encoder: 0.25 to 0.85 for one offer, median 0.54; 90 % of those for others are below.
LEAST_LIKENESS = 0.4
# Traits that say something about the offer, which may be false.
CLAIMS: frozenset[Trait] = frozenset({"urgency", "scarcity", "reward", "social_proof"})
# Principles whose additions speak of time.
OF_TIME: frozenset[Trait] = frozenset({"urgency", "scarcity", "clarity"})
FRENCH_POSSESSIVES = ((r"\b(?:mon|ma)\b", "votre"), (r"\bmes\b", "vos"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A rewording.

    Args:
        text: The wording to test.
        source: The original wording; for `own_best` the test it did best in.
        rule: Rule that produced it.
        principle: The principle it adds, or None.
        is_claim: True if it makes a claim that the wordings it starts from do not make: it may be
            tested only if that is true.
    """

    text: str
    source: str
    rule: Rule
    principle: Trait | None
    is_claim: bool


def propose(
    texts: Sequence[str], *, locale: str, own_best: Sequence[PastWording] = (), limit: int = 120
) -> tuple[Suggestion, ...]:
    """Return distinct rewordings of some wordings, excluding the wordings themselves.

    Args:
        texts: Original wordings; not blank.
        locale: Language tag; if empty, detected from each text's words.
        own_best: Past wordings that did well, best first; offered unchanged.
        limit: Maximum number; taken in turn from each wording.

    >>> [draft.text for draft in propose(["Télécharger le guide"], locale="fr")][:3]
    ['Enregistrer le guide', 'Téléchargez le guide', 'Je télécharge le guide']
    """
    known: set[str] = set().union(*(claims_of(text, locale) for text in texts))
    rewordings = [list(_rewordings(text, locale, known)) for text in texts]
    past_best = [
        Suggestion(
            text=past.text,
            source=past.test,
            rule="own_best",
            principle=None,
            is_claim=not claims_of(past.text, past.locale or locale) <= known,
        )
        for past in own_best
    ]
    seen = {fold(text) for text in texts}
    chosen: list[Suggestion] = []
    for suggestion in _in_turn([past_best, *rewordings]):
        key = fold(suggestion.text)
        if key not in seen and len(chosen) < limit:
            seen.add(key)
            chosen.append(suggestion)
    return tuple(chosen)


def claims_of(text: str, locale: str) -> set[str]:
    """Return what a wording claims and may be false: principles, days, and each number.

    Args:
        text: A wording.
        locale: Language tag; if empty, detected from the text's words.

    >>> sorted(claims_of("Get 10 free guides by Sunday", "en"))
    ['10', 'reward', 'sunday']
    """
    numbers = set(re.findall(r"\d+", text))
    lexicon = lexicon_for(text, locale)
    if lexicon is None:
        return numbers
    sober = lexicon.pressing.sub("", fold(text))
    traits = find_traits(sober, lexicon.language) & CLAIMS
    return {*traits, *lexicon.days.findall(sober), *numbers}


def best_past(
    past: Sequence[PastWording],
    *,
    likeness: NDArray[np.float32],
    language: str,
    count: int,
) -> tuple[PastWording, ...]:
    """Return distinct past wordings of the same offer that beat the others of their tests.

    Args:
        past: Past wordings, n.
        likeness: Likeness of each to the wordings at hand, in [-1, 1], float32 (n,).
        language: Primary language tag; empty = any.
        count: Maximum number.

    Returns:
        Wordings with a likeness from `LEAST_LIKENESS` on and a positive log lift, nearest first.

    >>> best_past([], likeness=np.array([], dtype=np.float32), language="fr", count=3)
    ()
    """
    order = np.argsort(-likeness, kind="stable")
    near = (past[at] for at in order if likeness[at] >= LEAST_LIKENESS)
    unique: dict[str, PastWording] = {}
    for wording in near:
        if len(unique) == count:
            break
        is_spoken = not language or fold(wording.locale)[:2] == language
        if is_spoken and wording.lift_in_test > 0:
            unique.setdefault(fold(wording.text), wording)
    return tuple(unique.values())


@dataclass(frozen=True, slots=True)
class _Draft:
    text: str
    rule: Rule
    principle: Trait | None = None


def _rewordings(text: str, locale: str, known: Set[str]) -> Iterator[Suggestion]:
    lexicon = lexicon_for(text, locale)
    plain = " ".join(text.split()).rstrip(" .!")
    if lexicon is None or not plain:
        return
    for draft in _drafts(plain, lexicon):
        new = draft.text
        yield Suggestion(
            text=new[:1].upper() + new[1:] if text[:1].isupper() else new,
            source=text,
            rule=draft.rule,
            principle=draft.principle,
            is_claim=draft.principle is not None or not claims_of(new, locale) <= known,
        )


def _drafts(plain: str, lexicon: Lexicon) -> Iterator[_Draft]:
    if fold(plain) in lexicon.vague:
        # A vague wording is replaced entirely.
        for other in lexicon.instead_of_vague:
            yield _Draft(other, "instead_of_vague")
        return
    opening = opening_of(plain, lexicon)
    if opening is not None and opening.verb is not None:
        yield from _other_verbs(opening, opening.verb, lexicon)
        yield from _other_forms(opening, opening.verb, lexicon)
    if lexicon.language == "en" and re.search(r"\byour\b", plain):
        yield _Draft(re.sub(r"\byour\b", "my", plain), "possessive")
    yield from _shorter(plain, lexicon)
    yield from _additions(plain, lexicon)


def _additions(plain: str, lexicon: Lexicon) -> Iterator[_Draft]:
    """Add a missing principle."""
    if len(plain.split()) > MAX_WORDS_TO_EXTEND:
        return
    present = find_traits(plain, lexicon.language)
    claims = claims_of(plain, lexicon.language)
    # A day or a number mostly speaks of time: "before Sunday in 2 minutes" would do so twice.
    kinds = {claim if claim in CLAIMS else "urgency" for claim in claims}
    if len(kinds) > 1:
        return
    left_out = present | (OF_TIME if "urgency" in kinds else frozenset())
    for principle, templates in lexicon.additions.items():
        for template in templates if principle not in left_out else ():
            yield _Draft(template.replace("{text}", plain), "principle", principle)


def _other_verbs(opening: Opening, verb: Verb, lexicon: Lexicon) -> Iterator[_Draft]:
    """Replace the verb by others of the same intent."""
    for other in lexicon.verbs:
        form = other.forms.get(opening.mood) or other.forms.get("imperative")
        same_case = form is not None and form.endswith(" de") == opening.head.endswith(" de")
        if other.intent == verb.intent != NO_INTENT and other != verb and form and same_case:
            yield _Draft(f"{form} {opening.rest}".strip(), "verb")


def _other_forms(opening: Opening, verb: Verb, lexicon: Lexicon) -> Iterator[_Draft]:
    """Use other forms of the verb: "Télécharger", "Téléchargez", "Je télécharge"."""
    familiar = opening.mood == "imperative_familiar"
    for mood, form in verb.forms.items():
        if mood == opening.mood or (mood == "imperative_familiar" and not familiar):
            continue
        rest = _rest_for(mood, opening.rest, lexicon)
        if rest is not None:
            yield _Draft(f"{form} {rest}".strip(), "form")


def _rest_for(mood: Mood, rest: str, lexicon: Lexicon) -> str | None:
    """Make the possessives agree with the speaker; return None if their gender is unknown."""
    if mood == "first_person":
        if lexicon.undecided.search(fold(rest)):
            return None
        for yours, mine in lexicon.yours.items():
            rest = re.sub(rf"\b{yours}\b", mine, rest)
    elif mood == "imperative":
        for mine, yours in FRENCH_POSSESSIVES:
            rest = re.sub(mine, yours, rest)
    return rest


def _shorter(text: str, lexicon: Lexicon) -> Iterator[_Draft]:
    """Leave out filler words."""
    words = text.split()
    remaining = [word for word in words if not lexicon.fillers.fullmatch(fold(word))]
    if remaining and len(remaining) < len(words):
        yield _Draft(" ".join(remaining), "shorter")


def _in_turn(lists: Sequence[Sequence[Suggestion]]) -> Iterator[Suggestion]:
    for at in range(max(map(len, lists), default=0)):
        for suggestions in lists:
            if at < len(suggestions):
                yield suggestions[at]
