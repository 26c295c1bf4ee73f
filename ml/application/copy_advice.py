"""Copy advice that needs no predictor: checks, principles, rewordings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, get_args

from ml.dataset.contrast_groups import build_groups
from ml.dataset.dispersion import replicate_dispersion
from ml.evaluation.principle_effects import measure_traits
from ml.history.row import HistoryRow
from ml.language.copy_checks import Appearance, inspect_look, inspect_position, inspect_wording
from ml.language.lexicon import lexicon_for
from ml.language.locales import primary_tag
from ml.language.traits import TRAITS, find_traits
from ml.language.verbs import opening_of
from ml.language.wording_validation import Fault, wording_fault
from ml.presentation.finding_messages import (
    CHECKS,
    TRAIT_MEANINGS,
    TRAIT_NAMES,
    VERB_FORM_NAMES,
    finding_sentence,
)
from ml.scoring.rewordings import propose


def measure_principles(
    rows: Iterable[HistoryRow], *, locale: str = "", audience: str = ""
) -> dict[str, Any]:
    """Return what each principle of persuasion did across past tests; loads no torch.

    Args:
        rows: Past tests; suspect ones are left out.
        locale: Language tag: only tests in this language. Empty: all.
        audience: Key: only tests with this audience. Empty: all.

    Returns:
        `tests` (contrast groups looked at), and `traits`: the fields of
        `principle_effects.TraitEffect` with `name` and `meaning` in the current language.
    """
    dataset = build_groups(
        row
        for row in rows
        if (not locale or primary_tag(row.locale) == primary_tag(locale))
        and (not audience or row.audience == audience)
    )
    effects = measure_traits(dataset.groups, dispersion=replicate_dispersion(dataset) or 1.0)
    return {
        "tests": sum(not group.suspect for group in dataset.groups),
        "traits": [
            asdict(effect)
            | {"name": str(TRAIT_NAMES[effect.trait]), "meaning": str(TRAIT_MEANINGS[effect.trait])}
            for effect in effects
        ],
    }


def inspect(
    text: str,
    *,
    locale: str = "",
    form: str = "button",
    look: Mapping[str, Any] | None = None,
    position: str | None = None,
) -> list[dict[str, Any]]:
    """Return what can be said of a call to action without any data; loads no torch.

    Args:
        text: The wording; not blank.
        locale: Language tag; when empty the text's own words decide.
        form: `button`, `link` or `spoken`.
        look: Fields of `ml.language.copy_checks.Appearance`; None if it is not known or not seen.
        position: Position of its slot; None if that is not asked.

    Returns:
        The fields of `copy_checks.Finding`, with `name` of the check and `message` in the current
        language.

    >>> inspect("Submit", locale="en")[2]["code"]
    'vague'
    """
    found = [*inspect_wording(text, locale=locale, form=form)]
    found += inspect_look(Appearance(**look)) if look else ()
    found += [] if position is None else [inspect_position(position)]
    return [
        asdict(each)
        | {
            "name": str(CHECKS[each.check]),
            "message": finding_sentence(each.code, each.params),
        }
        for each in found
    ]


def principles_of(text: str, *, locale: str = "") -> list[str]:
    """Return the principles of persuasion that a wording uses, by its words; loads no torch.

    Args:
        text: The wording.
        locale: Language tag; when empty the text's own words decide.

    >>> principles_of("Get my free guide today", locale="en")
    ['clarity', 'first_person', 'reward', 'urgency', 'verb_first']
    """
    return sorted(find_traits(text, locale))


def trait_names() -> dict[str, str]:
    """Return the principles by their keys, named in the current language, in a fixed order.

    >>> list(trait_names())[:2]
    ['urgency', 'scarcity']
    """
    return {trait: str(TRAIT_NAMES[trait]) for trait in TRAITS}


def verb_form_of(text: str, *, locale: str = "") -> str:
    """Return the form of the verb that a wording begins with; empty if none was recognised.

    Args:
        text: The wording.
        locale: Language tag; when empty the text's own words decide.

    Returns:
        `infinitive`, `imperative`, `imperative_familiar`, `first_person`, or an empty text.

    >>> verb_form_of("Je télécharge le guide", locale="fr"), verb_form_of("Le guide", locale="fr")
    ('first_person', '')
    """
    lexicon = lexicon_for(text, locale)
    opening = None if lexicon is None else opening_of(text, lexicon)
    return "" if opening is None else opening.mood


def verb_form_names() -> dict[str, str]:
    """Return the forms of verbs by their keys, named in the current language.

    >>> list(verb_form_names())
    ['infinitive', 'imperative', 'imperative_familiar', 'first_person']
    """
    return {form: str(name) for form, name in VERB_FORM_NAMES.items()}


def suggest(texts: Sequence[str], *, locale: str = "", count: int) -> list[dict[str, Any]]:
    """Return rewordings to test that no predictor has ranked; loads no torch.

    Args:
        texts: Wordings to start from.
        locale: Language tag; when empty each text's own words decide.
        count: Maximum number of rewordings.

    Returns:
        The fields of `ml.scoring.rewordings.Suggestion`, and None as `chance` and `lift`.

    >>> [each["text"] for each in suggest(["Start now"], locale="en", count=1)]
    ['Begin now']
    """
    usable = [text for text in dict.fromkeys(texts) if wording_fault(text) is None]
    found = propose(usable, locale=locale, limit=count)
    return [{**asdict(each), "chance": None, "lift": None} for each in found]


def is_no_wording(refusal: Mapping[str, Any] | None) -> bool:
    """Return whether a text was refused because it cannot be shown as a wording at all.

    Args:
        refusal: With `code`, or None.

    >>> is_no_wording({"code": "html"}), is_no_wording({"code": "unseen_words"})
    (True, False)
    """
    return refusal is not None and refusal["code"] in get_args(Fault)
