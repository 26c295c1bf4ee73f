"""Result types of the predictor: ranked wordings, or the reason for refusing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ml.language.wording_validation import Fault
from ml.scoring.applicability import Outside
from ml.scoring.calibration import Lift
from ml.scoring.explanations import WordEffect
from ml.scoring.rank_probabilities import RankBelief
from ml.scoring.rewordings import Suggestion
from ml.scoring.similar_wordings import NearWording

Code = (
    Fault
    | Outside
    | Literal[
        "no_predictor",
        "no_wordings",
        "locale_not_covered",
        "locale_assumed",
        "locale_unverified",
        "audience_unknown",
        "audience_shared",
        "audience_own",
        "locale_own",
        "form_own",
        "placement_own",
        "audience_by_chance",
        "locale_by_chance",
        "form_by_chance",
        "placement_by_chance",
        "control_refused",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Reason for a missing prediction, or a note on one; a page translates the code.

    Args:
        code: Code of the reason.
        params: Figures and names that belong into the sentence.
    """

    code: Code
    params: Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredWording:
    """One wording and what is predicted of it.

    Args:
        text: As it was given.
        is_control: It is what the others are compared with.
        score: Predicted log click rate less the mean of the answered wordings; None if refused.
        rank: 1 = best of the answered wordings, equal scores share a rank; None if refused.
        chance: Probability that it would show a higher click rate than the control in a test
            like past ones; None for the control, without one, or if either is refused.
        lift: Expected true lift over the control with its 95 % prediction interval; None as above.
        is_toss_up: True if held-out pairs as close as this and the control were not distinguished.
        belief: Posterior of its rank among the answered wordings; None if refused.
        words: What each word does to the predicted click rate as a lift, if that was asked and
            the wording has several; the effect of a word is that of leaving it out, turned round.
        refusal: Reason for a missing prediction.
        nearest: Most alike past wordings with their measured results.
    """

    text: str
    is_control: bool
    score: float | None
    rank: int | None
    chance: float | None
    lift: Lift | None
    is_toss_up: bool
    belief: RankBelief | None
    words: tuple[WordEffect, ...]
    refusal: Reason | None
    nearest: tuple[NearWording, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringOutcome:
    """The answer to one question.

    Args:
        strategy: Key of the strategy that answered; None without a predictor.
        wordings: In the order given, the control first if it was given apart.
        chances: Probability that the wording of the row would show a higher click rate than that
            of the column, in a test like past ones; None where one is refused and on the diagonal.
        refusal: Reason for predicting no wording at all.
        notes: Notes on the predictions.
    """

    strategy: str | None
    wordings: tuple[ScoredWording, ...]
    chances: tuple[tuple[float | None, ...], ...]
    refusal: Reason | None
    notes: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewording:
    """A rewording to test, with what is predicted of it.

    Args:
        suggestion: The rewording and how it was made.
        chance: Probability that it beats the control; None without one.
        lift: Expected lift over the control; None likewise.
    """

    suggestion: Suggestion
    chance: float | None
    lift: Lift | None


def refuse_all(
    texts: Sequence[str], refusal: Reason, *, strategy: str | None = None
) -> ScoringOutcome:
    """Return an outcome that predicts nothing, for one reason.

    Args:
        texts: The wordings that were asked about.
        refusal: The reason.
        strategy: Key of the strategy, if there is a predictor.

    >>> refuse_all(["Go"], Reason(code="no_predictor", params={})).wordings[0].score is None
    True
    """
    return ScoringOutcome(
        strategy=strategy,
        wordings=tuple(blank_wording(text, refusal) for text in texts),
        chances=tuple((None,) * len(texts) for _ in texts),
        refusal=refusal,
        notes=(),
    )


def blank_wording(text: str, refusal: Reason | None) -> ScoredWording:
    """Return a wording of which nothing is predicted yet.

    Args:
        text: The wording.
        refusal: Reason for refusing, or None.
    """
    return ScoredWording(
        text=text,
        is_control=False,
        score=None,
        rank=None,
        chance=None,
        lift=None,
        is_toss_up=False,
        belief=None,
        words=(),
        refusal=refusal,
        nearest=(),
    )
