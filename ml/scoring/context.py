"""Request for a ranking: wordings, and the audience, locale, form and placement they target."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ml.dataset.contrast_groups import ContrastGroup
from ml.language.locales import primary_tag

Factor = Literal["audience", "locale", "form", "placement"]


FACTORS: tuple[Factor, ...] = get_args(Factor)
# What a page or a program may ask for at a time: as many as are read, each a call to action.
PAGE_WORDINGS = 50
PAGE_LENGTH = 200
# What one answer may take of the scoring service; `rank_list` sorts more.
MOST_WORDINGS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Context of a wording; empty = not stated.

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
            factor: The factor.

        >>> Context(locale="fr-CA").level("locale")
        'fr'
        """
        value: str = getattr(self, factor)
        # The language without the country: one model serves fr-CA and fr-FR.
        return primary_tag(value) if factor == "locale" else value


NOT_STATED = Context()


class InvalidRankingRequestError(ValueError):
    """A request for a ranking beyond the limits; the message names the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingRequest:
    """Wordings to rank, checked against the limits of one answer.

    Args:
        wordings: Texts, at most `MOST_WORDINGS`.
        control: Wording that they are compared with; it may be one of them. None: none.
        context: Target of the wordings.

    Raises:
        InvalidRankingRequestError: If there are more wordings, or one is not a text.

    >>> RankingRequest(wordings=("Go",) * 1001)
    Traceback (most recent call last):
    ...
    ml.scoring.context.InvalidRankingRequestError: texts: must be at most 1000 strings
    """

    wordings: tuple[str, ...]
    control: str | None = None
    context: Context = NOT_STATED

    def __post_init__(self) -> None:
        """Refuse what is beyond the limits."""
        are_texts = all(isinstance(text, str) for text in self.wordings)
        if len(self.wordings) > MOST_WORDINGS or not are_texts:
            raise InvalidRankingRequestError(f"texts: must be at most {MOST_WORDINGS} strings")

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "RankingRequest":
        """Return the request that a form, a job or a command states.

        Args:
            fields: `wordings`, `control`, and the factors where they are stated; others are left
                aside.

        >>> RankingRequest.from_fields({"wordings": ["Go"], "control": "Send", "locale": "en"})
        RankingRequest(wordings=('Go',), control='Send',
            context=Context(audience='', locale='en', form='', placement=''))
        """
        # The keys are stored in jobs; never rename.
        return cls(
            wordings=tuple(fields["wordings"]),
            control=fields["control"],
            context=Context(**{factor: fields.get(factor, "") for factor in FACTORS}),
        )


def context_of(group: ContrastGroup) -> Context:
    """Return the context of a past test.

    Args:
        group: A contrast group.
    """
    return Context(
        audience=group.audience, locale=group.locale, form=group.form, placement=group.placement
    )
