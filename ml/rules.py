"""What can be said without a predictor: a part of the facade that never loads torch."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from ml.advice import CHECKS, TRAIT_MEANINGS, TRAIT_NAMES, finding_sentence
from ml.dataset.groups import build_groups
from ml.dataset.spread import replicate_dispersion
from ml.domain import primary_tag
from ml.history.row import HistoryRow
from ml.hygiene import Look, inspect_look, inspect_position, inspect_wording
from ml.principles import measure_traits


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
        `ml.principles.TraitEffect` with `name` and `meaning` in the current language.
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
        look: Fields of `ml.hygiene.Look`; None if it is not known or not seen.
        position: Position of its slot; None if that is not asked.

    Returns:
        The fields of `ml.hygiene.Finding`, with `name` of the check and `message` in the current
        language.

    >>> inspect("Submit", locale="en")[1]["code"]
    'vague'
    """
    found = [*inspect_wording(text, locale=locale, form=form)]
    found += inspect_look(Look(**look)) if look else ()
    found += [] if position is None else [inspect_position(position)]
    return [
        asdict(each)
        | {
            "name": str(CHECKS[each.check]),
            "message": finding_sentence(each.code, each.params),
        }
        for each in found
    ]
