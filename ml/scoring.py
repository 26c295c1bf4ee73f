"""Ranking new wordings with a trained predictor, or saying why not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.artifacts import Artifact, load_artifact
from ml.calibration import Lift, predicted_lift, win_probability
from ml.dataset.groups import normalise_text
from ml.domain import Outside, likeness, primary_tag, unseen_share
from ml.embedding import Encoder
from ml.past import NearWording, nearest_wordings
from ml.strategies.catalogue import strategy_named
from ml.strategies.contract import FittedStrategy, Representation
from ml.wording import MAX_CHARACTERS, Fault, wording_fault

# A language with fewer past contrast groups is not answered for.
MIN_LOCALE_GROUPS = 20
# An audience with fewer is told how little of it was seen.
MIN_AUDIENCE_GROUPS = 20
N_NEAREST = 3
# Wordings at a time when very many are judged: their likeness to all past ones fills memory.
CHUNK = 512

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
        "control_refused",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why there is no prediction, or what to know about one; a page translates the code.

    Args:
        code: What is meant.
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
        refusal: Why there is no prediction.
        nearest: Most alike past wordings with their measured results.
    """

    text: str
    is_control: bool
    score: float | None
    rank: int | None
    chance: float | None
    lift: Lift | None
    refusal: Reason | None
    nearest: tuple[NearWording, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringOutcome:
    """The answer to one question.

    Args:
        strategy: Key of the strategy that answered; None without a predictor.
        wordings: In the order given, the control first if it was given apart.
        refusal: Why no wording at all is predicted.
        notes: What to know about the predictions.
    """

    strategy: str | None
    wordings: tuple[ScoredWording, ...]
    refusal: Reason | None
    notes: tuple[Reason, ...]


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
        wordings=tuple(_blank(text, refusal) for text in texts),
        refusal=refusal,
        notes=(),
    )


class Scorer:
    """A trained predictor in memory.

    Args:
        artifact: What training stored.
        fitted: The strategy restored from it.
    """

    def __init__(self, artifact: Artifact, fitted: FittedStrategy) -> None:
        self.artifact = artifact
        self._fitted = fitted
        self._past: Representation | None = (
            fitted.represent([past.text for past in artifact.past])
            if artifact.past_vectors is None
            else artifact.past_vectors.astype(np.float32)
        )

    def score(
        self,
        texts: Sequence[str],
        *,
        control: str | None = None,
        audience: str = "",
        locale: str = "",
    ) -> ScoringOutcome:
        """Rank wordings that are to be tested against each other.

        Args:
            texts: Wordings, in any number.
            control: What they are compared with; it may be one of them. None: no comparison.
            audience: Audience key; empty for everybody.
            locale: Language tag of the wordings; empty when not stated.
        """
        asked = list(texts) if control is None or control in texts else [control, *texts]
        strategy = self.artifact.strategy
        if not asked:
            return refuse_all(asked, Reason(code="no_wordings", params={}), strategy=strategy)
        if refusal := self.refuse_locale(locale):
            return refuse_all(asked, refusal, strategy=strategy)
        close = self._likeness(asked)
        refusals = [self.refuse_text(text, row) for text, row in zip(asked, close, strict=True)]
        wordings = [
            replace(
                _blank(text, refusal),
                is_control=text == control,
                nearest=nearest_wordings(row, self.artifact.past, N_NEAREST),
            )
            for text, refusal, row in zip(asked, refusals, close, strict=True)
        ]
        wordings = self._compare(self._rank(wordings))
        return ScoringOutcome(
            strategy=strategy,
            wordings=tuple(wordings),
            refusal=None,
            notes=tuple(self._notes(wordings, audience=audience, locale=locale)),
        )

    def refuse_locale(self, locale: str) -> Reason | None:
        """Return why wordings of a language are not answered for, or None.

        Args:
            locale: Language tag; an empty one is not refused.
        """
        tag, known = primary_tag(locale), self.artifact.domain.locale_groups
        # A history that states no language at all can be checked for none.
        if not tag or set(known) == {""} or known.get(tag, 0) >= MIN_LOCALE_GROUPS:
            return None
        return Reason(
            code="locale_not_covered",
            params={"locale": tag, "tests": known.get(tag, 0), "needed": MIN_LOCALE_GROUPS},
        )

    def refuse_text(self, text: str, close: NDArray[np.float32]) -> Reason | None:
        """Return why a wording is not answered for, or None.

        Args:
            text: The wording.
            close: Its likeness with every past wording.
        """
        if fault := wording_fault(text):
            limit = {"limit": MAX_CHARACTERS} if fault == "too_long" else {}
            return Reason(code=fault, params=limit)
        distance = float(1 - close.max()) if len(close) else 1.0
        domain, plain = self.artifact.domain, normalise_text(text)
        outside = domain.outside(plain, distance)
        if outside == "unseen_words":
            unseen = unseen_share(plain, domain.words)
            params = {"unseen": round(100 * unseen), "limit": round(100 * domain.max_unseen_share)}
            return Reason(code=outside, params=params)
        return Reason(code=outside, params={}) if outside else None

    def answer(
        self, texts: Sequence[str], locales: Sequence[str]
    ) -> tuple[NDArray[np.float64], list[Reason | None]]:
        """Return raw scores and refusals of many wordings, for judging the predictor.

        Args:
            texts: Wordings, n.
            locales: Language tag of each.

        Returns:
            Scores, float64 (n,), of refused wordings too, and a refusal or None for each.
        """
        refusals: list[Reason | None] = []
        for start in range(0, len(texts), CHUNK):
            chunk = slice(start, start + CHUNK)
            refusals += [
                self.refuse_locale(locale) or self.refuse_text(text, row)
                for text, locale, row in zip(
                    texts[chunk], locales[chunk], self._likeness(texts[chunk]), strict=True
                )
            ]
        return self._fitted.score([normalise_text(text) for text in texts]), refusals

    def _likeness(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = self._fitted.represent([normalise_text(text) for text in texts])
        if rows is None or self._past is None:
            return np.zeros((len(texts), 0), dtype=np.float32)
        return likeness(rows, self._past)

    def _rank(self, wordings: list[ScoredWording]) -> list[ScoredWording]:
        """Add centred scores and ranks to the wordings that are not refused."""
        answered = [at for at, wording in enumerate(wordings) if wording.refusal is None]
        if not answered:
            return wordings
        scores = self._fitted.score([normalise_text(wordings[at].text) for at in answered])
        scores = scores - scores.mean()
        ranked = list(wordings)
        for at, score in zip(answered, scores, strict=True):
            rank = 1 + int(np.count_nonzero(scores > score))
            ranked[at] = replace(wordings[at], score=float(score), rank=rank)
        return ranked

    def _compare(self, wordings: list[ScoredWording]) -> list[ScoredWording]:
        """Add chance and lift over the control, if there is one and it is not refused."""
        base = next((each.score for each in wordings if each.is_control), None)
        if base is None:
            return wordings
        calibration = self.artifact.calibration
        return [
            wording
            if wording.score is None or wording.is_control
            else replace(
                wording,
                chance=float(win_probability(wording.score - base, calibration)),
                lift=predicted_lift(wording.score - base, calibration),
            )
            for wording in wordings
        ]

    def _notes(
        self, wordings: Sequence[ScoredWording], *, audience: str, locale: str
    ) -> list[Reason]:
        notes = [_audience_note(audience, self.artifact.domain.audience_groups)]
        if not locale:
            notes.append(_locale_note(self.artifact.domain.locale_groups))
        if any(wording.is_control and wording.refusal for wording in wordings):
            notes.append(Reason(code="control_refused", params={}))
        return [note for note in notes if note is not None]


def load_scorer(folder: Path, *, make_encoder: Callable[[], Encoder]) -> Scorer:
    """Load a stored predictor, ready to score.

    Args:
        folder: A published folder.
        make_encoder: Loads the configured encoder; called only if the strategy needs one.

    Raises:
        ArtifactError: If a file is missing or damaged.
        EncoderError: If the configured encoder is not the one it was trained on.
    """
    artifact = load_artifact(folder)
    strategy = strategy_named(artifact.strategy, make_encoder=make_encoder)
    return Scorer(artifact, strategy.restore(artifact.parts))


def _blank(text: str, refusal: Reason | None) -> ScoredWording:
    return ScoredWording(
        text=text,
        is_control=False,
        score=None,
        rank=None,
        chance=None,
        lift=None,
        refusal=refusal,
        nearest=(),
    )


def _audience_note(audience: str, known: Mapping[str, int]) -> Reason | None:
    """Say that the answer is the shared one: no strategy tells audiences apart."""
    if not audience:
        return None
    groups = known.get(audience, 0)
    code: Code = "audience_shared" if groups >= MIN_AUDIENCE_GROUPS else "audience_unknown"
    return Reason(code=code, params={"audience": audience, "tests": groups})


def _locale_note(known: Mapping[str, int]) -> Reason:
    languages = sorted((tag for tag in known if tag), key=lambda tag: -known[tag])
    if len(languages) == 1:
        return Reason(code="locale_assumed", params={"locale": languages[0]})
    return Reason(code="locale_unverified", params={"locales": ", ".join(languages)})
