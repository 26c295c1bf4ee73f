"""Rows of the archive in common: an arm's entry, folded words, and what filters look for."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from ml import predict


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmEntry:
    """One wording of a past test, as `PastTest.arms` keeps it.

    Args:
        text: The wording.
        visitors: Visitors who saw it.
        clicks: Those of them who clicked.
        rate: Its result on the test's metric, where that is a rate; in [0, 1].
        is_control: The wording that the others were to beat.
        log: Logarithm of its result: against the control, or of its click rate.
        variance: Variance of that logarithm, of this arm alone.
        principles: Principles of persuasion that it uses.
        verb_form: Form of the verb that it begins with; empty without one.
    """

    text: str
    visitors: int
    clicks: int
    rate: float | None
    is_control: bool
    log: float | None
    variance: float | None
    principles: Sequence[str]
    verb_form: str


def language_of(text: str, locale: str) -> dict[str, object]:
    """Return an entry's principles and verb form, by the words of the wording."""
    return {
        "principles": predict.principles_of(text, locale=locale),
        "verb_form": predict.verb_form_of(text, locale=locale),
    }


def columns_of(arms: Sequence[ArmEntry], *, tags: Iterable[str] = ()) -> dict[str, object]:
    """Return the columns of a past test that follow from its arms."""
    return {
        "arms": [asdict(arm) for arm in arms],
        "n_arms": len(arms),
        "visitors": sum(arm.visitors for arm in arms),
        "clicks": sum(arm.clicks for arm in arms),
        "principles": between_lines({one for arm in arms for one in arm.principles}),
        "tags": between_lines(set(tags)),
    }


def between_lines(entries: Iterable[str]) -> str:
    """Return entries each between line breaks, so that a whole one can be looked for.

    >>> between_lines(["urgency", "reward"]).split()
    ['reward', 'urgency']
    """
    lines = "".join(f"{one}\n" for one in sorted(entries))
    return f"\n{lines}" if lines else ""


def folded(*texts: str) -> str:
    """Return texts without case and accents, so that "Réserver" is found by "reserver".

    >>> folded("Réserver", "MA place")
    'reserver ma place'
    """
    plain = unicodedata.normalize("NFKD", " ".join(text for text in texts if text))
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).casefold()
