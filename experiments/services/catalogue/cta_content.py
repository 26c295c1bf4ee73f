"""A CTA as clients get it, and the locale in which a visitor reads it."""

from collections.abc import Mapping
from typing import Any

from experiments.legibility import LEAST_CONTRAST, contrast_ratio, text_direction
from experiments.models import CTA, Experiment, Variant
from experiments.targeting.languages import looked_up


def cta_values(cta: CTA) -> dict[str, dict[str, Any]]:
    """Return the CTA as clients get it, by locale.

    Colours that nobody can read are left to the page: the admin refuses them, old rows may
    still have them.
    """
    is_legible = contrast_ratio(cta.background_color, cta.text_color) >= LEAST_CONTRAST
    style = {
        "background_color": cta.background_color if is_legible else "",
        "text_color": cta.text_color if is_legible else "",
        "size": cta.size,
        "icon": cta.icon,
    }
    return {
        wording.locale: {
            "text": wording.text,
            "href": cta.destination,
            "form": cta.form,
            "locale": wording.locale,
            "dir": text_direction(wording.locale),
            "style": style,
        }
        for wording in cta.wordings.all()
    }


def localised(
    values: Mapping[str, Mapping[str, Any]], wanted: str, fallback: str
) -> Mapping[str, Any]:
    """Return the value in the wanted language, a broader one, the site's, or any.

    >>> localised({"fr": {"text": "Oui"}, "en": {"text": "Yes"}}, "fr-CA", "en")
    {'text': 'Oui'}
    """
    spoken = spoken_locale(values, wanted, fallback)
    return {} if spoken is None else values[spoken]


def spoken_locale(values: Mapping[str, object], wanted: str, fallback: str) -> str | None:
    """Return the language in which something is there; None if there is nothing.

    >>> spoken_locale({"fr": "Oui", "en": "Yes"}, "fr_CA", "en")
    'fr'
    """
    if wanted in values:
        return wanted
    found = looked_up(values, wanted) or looked_up(values, fallback)
    return next(iter(values), None) if found is None else found


def wording_of(experiment: Experiment, variant: Variant) -> str:
    """Return the arm's wording in the site's own language."""
    locale = experiment.slot.site.default_locale
    return str(localised(cta_values(variant.cta), locale, locale).get("text", ""))
