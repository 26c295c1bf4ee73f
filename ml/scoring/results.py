"""Results of scoring: ranked wordings, or the reason for a refusal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ml.language.transfer import LanguageTransfer
from ml.language.wording_validation import Fault
from ml.scoring.applicability import Outside
from ml.scoring.calibration import Lift
from ml.scoring.context import Factor
from ml.scoring.context_offsets import ContextOffset
from ml.scoring.explanations import WordEffect
from ml.scoring.manifest import Manifest
from ml.scoring.rank_probabilities import RankBelief
from ml.scoring.rewordings import Suggestion
from ml.scoring.similar_wordings import NearWording

Code = (
    Fault
    | Outside
    | Literal[
        "no_predictor",
        "encoder_missing",
        "no_wordings",
        "locale_not_covered",
        "locale_not_transferred",
        "locale_transferred",
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
        "form_unmeasured",
        "form_shrunk",
    ]
)


OWN: Mapping[Factor, Code] = {
    "audience": "audience_own",
    "locale": "locale_own",
    "form": "form_own",
    "placement": "placement_own",
}
BY_CHANCE: Mapping[Factor, Code] = {
    "audience": "audience_by_chance",
    "locale": "locale_by_chance",
    "form": "form_by_chance",
    "placement": "placement_by_chance",
}
# A form with fewer is called not yet measured.
MIN_FORM_GROUPS = 20
# An audience with fewer gets a note on how little data it has.
MIN_AUDIENCE_GROUPS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Reason for a refusal, or a note on a prediction; pages translate the code.

    Args:
        code: Code of the message.
        params: Figures and names for the message.
    """

    code: Code
    params: Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredWording:
    """One wording with its prediction.

    Args:
        text: The wording as given.
        is_control: True if the others are compared with it.
        score: Predicted log click rate less the mean of the accepted wordings; None if refused.
        rank: Rank among the accepted wordings, 1 = best, shared by equal scores; None if refused.
        chance: Probability that it has a higher click rate than the control in a test
            like past ones; None for the control, without a control, or if either is refused.
        lift: Expected true lift over the control with its 95 % prediction interval; None as above.
        is_toss_up: True if held-out pairs as close as it and the control were not distinguished.
        belief: Distribution of its rank among the accepted wordings; None if refused.
        words: Effect of each word on the predicted click rate as a lift, if requested and the
            wording has several; the negated effect of leaving the word out.
        refusal: Reason for refusing it, or None.
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
    """Result of one scoring request.

    Args:
        strategy: Key of the strategy; None without a predictor.
        wordings: Wordings in the order given, the control first if it was given separately.
        chances: Probability that the wording of the row has a higher click rate than that of the
            column, in a test like past ones; None on the diagonal and for refused wordings.
        refusal: Reason why all wordings are refused, or None.
        notes: Notes on the predictions.
    """

    strategy: str | None
    wordings: tuple[ScoredWording, ...]
    chances: tuple[tuple[float | None, ...], ...]
    refusal: Reason | None
    notes: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewording:
    """A rewording to test, with its prediction.

    Args:
        suggestion: The rewording with its rule.
        chance: Probability that it beats the control; None without a control.
        lift: Expected lift over the control; None likewise.
    """

    suggestion: Suggestion
    chance: float | None
    lift: Lift | None


def refuse_all(
    texts: Sequence[str], refusal: Reason, *, strategy: str | None = None
) -> ScoringOutcome:
    """Return an outcome that refuses all wordings for one reason.

    Args:
        texts: The requested wordings.
        refusal: The reason.
        strategy: Key of the strategy; None without a predictor.

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
    """Return a wording without a prediction.

    Args:
        text: The wording.
        refusal: Reason for refusing it, or None.
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


def audience_note(audience: str, groups: Mapping[str, int]) -> Reason | None:
    """Return a note that the shared model was used, with the audience's number of tests.

    Args:
        audience: Key of the audience; empty for none.
        groups: Contrast groups by audience.
    """
    if not audience:
        return None
    tests = groups.get(audience, 0)
    code: Code = "audience_shared" if tests >= MIN_AUDIENCE_GROUPS else "audience_unknown"
    return Reason(code=code, params={"audience": audience, "tests": tests})


def locale_note(groups: Mapping[str, int]) -> Reason:
    """Return a note on the languages learned from, where none is stated.

    Args:
        groups: Contrast groups by language.
    """
    languages = sorted((tag for tag in groups if tag), key=lambda tag: -groups[tag])
    if len(languages) == 1:
        return Reason(code="locale_assumed", params={"locale": languages[0]})
    return Reason(code="locale_unverified", params={"locales": ", ".join(languages)})


def own_note(factor: Factor, level: str, offset: ContextOffset | None) -> Reason | None:
    """Return a note on the share of a level's own signal, if it has an offset.

    Args:
        factor: The factor.
        level: Its level.
        offset: Offset of the factor; None if it has none.
    """
    if offset is None or level not in offset.levels:
        return None
    at = offset.levels.index(level)
    params: dict[str, str | int | float] = {
        factor: level,
        "tests": offset.groups[at],
        "borrowed": round(100 * offset.borrowed[at]),
    }
    return Reason(code=OWN[factor], params=params)


def surface_note(form: str, manifest: Manifest) -> Reason | None:
    """Return a note on a form that too few past tests have, or whose differences are shrunk.

    Args:
        form: Form of the CTA; empty if it is not stated.
        manifest: Record of the training; an earlier version's has no surfaces.
    """
    surfaces = manifest.get("surfaces")
    if not form or surfaces is None:
        return None
    own = surfaces.get(form)
    tests = own["groups"] if own else 0
    params: dict[str, str | int | float] = {"form": form, "tests": tests}
    if tests < MIN_FORM_GROUPS:
        words = round(manifest["data"].get("median_words", 0))
        return Reason(
            code="form_unmeasured", params={**params, "words": words, "needed": MIN_FORM_GROUPS}
        )
    if own and own["shrinkage"] < 1:
        return Reason(code="form_shrunk", params={**params, "share": round(100 * own["shrinkage"])})
    return None


def transferred_note(transfer: LanguageTransfer, groups: Mapping[str, int]) -> Reason:
    """Return the reliability of answers in a language that was not learned from, or the refusal.

    Args:
        transfer: The measured transfer.
        groups: Contrast groups by language.
    """
    code: Code = "locale_transferred" if transfer.holds else "locale_not_transferred"
    params: dict[str, str | int | float] = {
        "locale": transfer.other,
        "learned": transfer.main,
        "tests": groups.get(transfer.other, 0),
        "wordings": transfer.wordings,
        "agreement": round(100 * transfer.agreement),
    }
    return Reason(code=code, params=params)
