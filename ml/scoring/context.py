"""Audience, locale, form and placement for which a wording is meant."""

from dataclasses import dataclass
from typing import Literal, get_args

from ml.dataset.contrast_groups import ContrastGroup

Factor = Literal["audience", "locale", "form", "placement"]


FACTORS: tuple[Factor, ...] = get_args(Factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """For whom and where a wording is meant; empty = not stated.

    Args:
        audience: Audience key.
        locale: Language tag.
        form: CTA form.
        placement: Position of the slot.
    """

    audience: str = ""
    locale: str = ""
    form: str = ""
    placement: str = ""

    def level(self, factor: Factor) -> str:
        """Return the level of a factor.

        Args:
            factor: Which.

        >>> Context(locale="fr-CA").level("locale")
        'fr'
        """
        value: str = getattr(self, factor)
        # A language, not a country: fr-CA and fr-FR are read by one model.
        return value.replace("_", "-").split("-")[0].lower() if factor == "locale" else value


def context_of(group: ContrastGroup) -> Context:
    """Return the context of a past test.

    Args:
        group: A contrast group.
    """
    return Context(
        audience=group.audience, locale=group.locale, form=group.form, placement=group.placement
    )
