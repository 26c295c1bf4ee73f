"""Lexicon of calls to action, French and English: verbs, principles, phrases to add."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from ml.language.locales import primary_tag

FOLDER = Path(__file__).parent
LANGUAGES = ("en", "fr")

# Mood and person of a verb form.
Mood = Literal["infinitive", "imperative", "imperative_familiar", "first_person"]
FRENCH_MOODS: tuple[Mood, ...] = (
    "infinitive",
    "imperative",
    "imperative_familiar",
    "first_person",
)
Principle = Literal[
    "urgency", "scarcity", "reward", "social_proof", "clarity", "verb_first", "first_person"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A verb at the beginning of a call to action.

    Args:
        intent: Intent; verbs of one intent are interchangeable.
        forms: Forms by mood, in lower case.
    """

    intent: str
    forms: Mapping[Mood, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """The words of one language.

    Args:
        language: `en` or `fr`.
        verbs: Action verbs.
        head: Pattern of a verb form at the beginning of a folded text.
        forms: Mood and verb of each form.
        openers: Openings before the verb by kind, `polite` or `first_person`.
        principles: Pattern of each principle that has characteristic words.
        first_person: Pattern of first-person words, in the visitor's voice.
        vague: Complete wordings without content, in lower case.
        clicking: Pattern of words for what the hand does. It serves findings alone: predictors
            were trained without it.
        fillers: Pattern of dispensable words.
        additions: Templates with `{text}` by principle; each makes a claim.
        instead_of_vague: Wordings to try in place of a vague one.
        yours: Second-person possessives, each with its first-person form.
        undecided: Pattern of words whose first person depends on an unknown gender.
        not_verbs: Words that resemble verbs.
        pressing: Pattern of words of urgency that cannot be false, such as "now".
        days: Pattern of days of the week and months.
        common: Frequent words, for language detection.
    """

    language: str
    verbs: tuple[Verb, ...]
    head: re.Pattern[str]
    forms: Mapping[str, tuple[Mood, Verb]]
    openers: Mapping[str, tuple[str, ...]]
    principles: Mapping[Principle, re.Pattern[str]]
    first_person: re.Pattern[str]
    vague: frozenset[str]
    clicking: re.Pattern[str]
    fillers: re.Pattern[str]
    additions: Mapping[Principle, tuple[str, ...]]
    instead_of_vague: tuple[str, ...]
    yours: Mapping[str, str]
    undecided: re.Pattern[str]
    not_verbs: frozenset[str]
    pressing: re.Pattern[str]
    days: re.Pattern[str]
    common: frozenset[str]


def lexicon_of(locale: str) -> Lexicon | None:
    """Return the lexicon of a language tag, or None.

    Args:
        locale: Language tag, such as `fr`, `fr-CA` or `en_US`.

    >>> lexicon_of("fr-CA").language, lexicon_of("de") is None
    ('fr', True)
    """
    language = primary_tag(locale)
    return _read(language) if language in LANGUAGES else None


def lexicon_for(text: str, locale: str) -> Lexicon | None:
    """Return the lexicon of a stated language, or of the language detected in a text.

    Args:
        text: A wording.
        locale: Language tag; when empty the text's own common words decide.

    >>> lexicon_for("Voir la liste des prix", "").language
    'fr'
    >>> lexicon_for("Anmelden", "") is None
    True
    """
    if locale:
        return lexicon_of(locale)
    words = set(re.findall(r"\w+", fold(text)))
    counts = {name: len(words & _read(name).common) for name in LANGUAGES}
    best = max(LANGUAGES, key=lambda name: counts[name])
    return _read(best) if counts[best] else None


def fold(text: str) -> str:
    """Normalise a text for lexicon search: lower case, straight apostrophes, single spaces.

    Args:
        text: Any string; accents are kept.

    >>> fold(f"J{chr(0x2019)}obtiens  MON guide")
    "j'obtiens mon guide"
    """
    return " ".join(text.lower().replace("\u2019", "'").split())


@lru_cache
def _read(language: str) -> Lexicon:
    content = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    possessives, verbs = content["possessives"], tuple(_verbs(content["verbs"]))
    forms = _forms(verbs)
    return Lexicon(
        language=language,
        verbs=verbs,
        # Longest first: "sign up" before "sign".
        head=re.compile(rf"(?:{'|'.join(map(re.escape, forms))})(?!\w|'\w)"),
        forms=forms,
        openers={kind: tuple(words) for kind, words in content["openers"].items()},
        principles={
            principle: _pattern(table["words"])
            for principle, table in content["principles"].items()
        },
        first_person=_pattern(content["first_person"]["words"]),
        vague=frozenset(content["vague"]["words"]),
        clicking=_pattern(content["clicking"]["words"]),
        fillers=_pattern(content["fillers"]["words"]),
        additions={name: tuple(texts) for name, texts in content["additions"].items()},
        instead_of_vague=tuple(content["instead_of_vague"]["texts"]),
        yours=dict(zip(possessives["yours"], possessives["mine"], strict=False)),
        undecided=_pattern(possessives.get("undecided", ())),
        not_verbs=frozenset(content.get("not_verbs", {}).get("words", ())),
        pressing=_pattern(content["pressing"]["words"]),
        days=_pattern(content["days"]["words"]),
        common=frozenset(content["common"]["words"]),
    )


def _verbs(tables: Mapping[str, Sequence[Any]]) -> Iterable[Verb]:
    """Yield the verbs: English lists plain forms (imperatives), French four forms per verb."""
    for intent, verbs in tables.items():
        for verb in verbs:
            forms: dict[Mood, str] = (
                {"imperative": verb}
                if isinstance(verb, str)
                else dict(zip(FRENCH_MOODS, verb["forms"], strict=True))
            )
            yield Verb(intent=intent, forms=forms)


def _forms(verbs: Sequence[Verb]) -> dict[str, tuple[Mood, Verb]]:
    """Return all forms, longest first; equal forms get the first mood of the first verb."""
    forms: dict[str, tuple[Mood, Verb]] = {}
    for verb in verbs:
        for mood, form in verb.forms.items():
            forms.setdefault(form, (mood, verb))
    return {form: forms[form] for form in sorted(forms, key=len, reverse=True)}


def _pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of complete phrases; `*` matches more letters, `#` a number."""
    parts = [_phrase(phrase.strip()) for phrase in sorted(phrases, key=len, reverse=True)]
    # Without phrases the pattern never matches.
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)" if parts else r"(?!)")


def _phrase(phrase: str) -> str:
    """Escape a phrase; after a final symbol, such as "%", do not require a word boundary."""
    words = (re.escape(word) for word in phrase.split())
    text = r"\s+".join(words)
    return text.replace(r"\*", r"\w*").replace(r"\#", r"[$€£]?\d[\d\s.,]*(?:[kKmM]\b)?")
