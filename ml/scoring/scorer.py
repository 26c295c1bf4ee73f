"""Ranking of new wordings with a trained predictor, with reasons for refusals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import normalise_text
from ml.encoders.base import Encoder
from ml.language import transfer as languages
from ml.language.locales import primary_tag
from ml.language.transfer import LanguageTransfer, Represent
from ml.language.wording_validation import MAX_CHARACTERS, wording_fault
from ml.scoring.applicability import likeness, unseen_share
from ml.scoring.artifacts import Artifact, load_artifact
from ml.scoring.calibration import predicted_lift, win_probability
from ml.scoring.context import FACTORS, Context, Factor
from ml.scoring.context_offsets import Features, plain_features, shift_of
from ml.scoring.explanations import explain
from ml.scoring.manifest import LevelRecord
from ml.scoring.rank_probabilities import rank_beliefs
from ml.scoring.results import (
    BY_CHANCE,
    MIN_AUDIENCE_GROUPS,
    Reason,
    ScoredWording,
    ScoringOutcome,
    audience_note,
    blank_wording,
    locale_note,
    own_note,
    refuse_all,
    surface_note,
    transferred_note,
)
from ml.scoring.similar_wordings import WordIndex, nearest_wordings
from ml.strategies.base import FittedStrategy, Representation
from ml.strategies.candidates import strategy_named

# A language with fewer past contrast groups is refused.
MIN_LOCALE_GROUPS = 20
N_NEAREST = 3
# Number of wordings that are explained.
MAX_EXPLAINED = 20
# Lower limit of the spread: true rates are never predicted exactly.
SMALLEST_SPREAD = 0.01
# Wordings evaluated at a time: the matrix of likenesses to all past ones fills the memory.
CHUNK = 512

ANYBODY = Context()


class Scorer:
    """A trained predictor in memory.

    Args:
        artifact: The stored predictor.
        fitted: The strategy restored from it.
    """

    def __init__(self, artifact: Artifact, fitted: FittedStrategy) -> None:
        # Vectors of past wordings take many megabytes: only one copy is kept, in float32.
        self.artifact = replace(artifact, past_vectors=None)
        self._fitted = fitted
        self._past: Representation | None = (
            fitted.represent([past.text for past in artifact.past])
            if artifact.past_vectors is None
            else artifact.past_vectors.astype(np.float32)
        )
        record = artifact.manifest.get("language")
        self._transfer = LanguageTransfer(**record) if record else None

    def score(
        self,
        texts: Sequence[str],
        *,
        control: str | None = None,
        context: Context = ANYBODY,
        explained: bool = False,
    ) -> ScoringOutcome:
        """Rank wordings to be tested against each other.

        Args:
            texts: Any number of wordings.
            control: Wording to compare with; it may be one of them. None: no comparison.
            context: Context of the wordings.
            explained: True to add the effect of each word.
        """
        queries = list(texts) if control is None or control in texts else [control, *texts]
        strategy = self.artifact.strategy
        if not queries:
            return refuse_all(queries, Reason(code="no_wordings", params={}), strategy=strategy)
        if refusal := self.refuse_locale(context.locale) or self.refuse_level(context):
            return refuse_all(queries, refusal, strategy=strategy)
        moved = self._is_moved(queries, [context] * len(queries))
        close = self._likeness(queries, moved)
        refusals = [
            self.refuse_text(text, row, is_moved=bool(is_moved))
            for text, row, is_moved in zip(queries, close, moved, strict=True)
        ]
        wordings = [
            replace(
                blank_wording(text, refusal),
                is_control=text == control,
                nearest=nearest_wordings(row, self.artifact.past, N_NEAREST),
            )
            for text, refusal, row in zip(queries, refusals, close, strict=True)
        ]
        wordings = self._compare(self._rank(wordings, context))
        if explained:
            wordings = self._explain(wordings, context)
        return ScoringOutcome(
            strategy=strategy,
            wordings=tuple(wordings),
            chances=self._chances(wordings),
            refusal=None,
            notes=tuple(self._notes(wordings, context)),
        )

    def refuse_locale(self, locale: str) -> Reason | None:
        """Return the reason for refusing a language, or None.

        Args:
            locale: Language tag; an empty one is not refused.
        """
        tag, groups = primary_tag(locale), self.artifact.domain.locale_groups
        if not tag or groups.get(tag, 0) >= MIN_LOCALE_GROUPS:
            return None
        transfer = self._transfer
        if transfer and tag == transfer.other:
            if transfer.holds:
                return None
            return transferred_note(transfer, groups)
        # A history without any stated language cannot be checked.
        if set(groups) == {""}:
            return None
        return Reason(
            code="locale_not_covered",
            params={"locale": tag, "tests": groups.get(tag, 0), "needed": MIN_LOCALE_GROUPS},
        )

    def refuse_level(self, context: Context) -> Reason | None:
        """Return the reason for refusing an audience, language, form or position, or None.

        With enough held-out tests, their predictions must be better than chance.

        Args:
            context: Context of the wordings.
        """
        for factor, levels in self._levels.items():
            level = context.level(factor)
            figures = levels.get(level)
            if figures is None or figures["groups"] < MIN_AUDIENCE_GROUPS:
                continue
            skill = figures["log_loss_skill"]["value"]
            if skill is not None and skill <= 0:
                params: dict[str, str | int | float] = {factor: level, "tests": figures["groups"]}
                return Reason(code=BY_CHANCE[factor], params=params)
        return None

    def refuse_text(
        self, text: str, close: NDArray[np.float32], *, is_moved: bool = False
    ) -> Reason | None:
        """Return the reason for refusing a wording, or None.

        Args:
            text: The wording.
            close: Likeness to every past wording.
            is_moved: True if its language was not learned from: only the distance decides.
        """
        if fault := wording_fault(text):
            limit = {"limit": MAX_CHARACTERS} if fault == "too_long" else {}
            return Reason(code=fault, params=limit)
        distance = float(1 - close.max()) if len(close) else 1.0
        domain, plain = self.artifact.domain, normalise_text(text)
        if is_moved and self._transfer:
            far = distance > domain.max_distance + self._transfer.allowance
            return Reason(code="far_from_training", params={}) if far else None
        outside = domain.outside(plain, distance)
        if outside == "unseen_words":
            unseen = unseen_share(plain, domain.words)
            params = {"unseen": round(100 * unseen), "limit": round(100 * domain.max_unseen_share)}
            return Reason(code=outside, params=params)
        return Reason(code=outside, params={}) if outside else None

    def answer(
        self, texts: Sequence[str], contexts: Sequence[Context]
    ) -> tuple[NDArray[np.float64], list[Reason | None]]:
        """Return raw scores and refusals of many wordings, for evaluation.

        Args:
            texts: Wordings, n.
            contexts: Context of each wording.

        Returns:
            Scores, float64 (n,), of refused wordings too, and a refusal or None for each.
        """
        refusals: list[Reason | None] = []
        for start in range(0, len(texts), CHUNK):
            chunk = slice(start, start + CHUNK)
            moved = self._is_moved(texts[chunk], contexts[chunk])
            close = self._likeness(texts[chunk], moved)
            refusals += [
                self.refuse_locale(context.locale)
                or self.refuse_level(context)
                or self.refuse_text(text, row, is_moved=bool(is_moved))
                for text, context, row, is_moved in zip(
                    texts[chunk], contexts[chunk], close, moved, strict=True
                )
            ]
        return self._scores(texts, contexts), refusals

    def likeness_to_past(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return how much each past wording is like the likest of some wordings.

        Args:
            texts: Wordings, at least one.

        Returns:
            Cosine likeness, or the share of words in common where that is more;
            float32 (n past wordings,).
        """
        moved = self._is_moved(texts, [ANYBODY] * len(texts))
        close, by_words = self._likeness(texts, moved), self._words.likeness(texts)
        return np.maximum(close.max(axis=0), by_words) if close.shape[1] else by_words

    def _scores(self, texts: Sequence[str], contexts: Sequence[Context]) -> NDArray[np.float64]:
        """Return the shared scores plus context offsets, float64 (n,)."""
        plain = [normalise_text(text) for text in texts]
        scores = self._fitted.score(plain) * self._shrinkage(contexts)
        moved = self._is_moved(texts, contexts)
        if self._transfer and moved.any():
            scores = np.where(moved, self._transfer.as_main(scores), scores)
        offsets = self.artifact.offsets
        if not offsets or not plain:
            return scores
        locales = [context.locale for context in contexts]
        features = Features(
            plain=plain_features(plain, locales, scores), vectors=self._vectors(plain)
        )
        shifted = scores.copy()
        for context in set(contexts):
            inside = np.array([other == context for other in contexts])
            shifted[inside] += shift_of(offsets, features.rows(inside), context)
        return shifted

    def _shrinkage(self, contexts: Sequence[Context]) -> NDArray[np.float64]:
        """Return what differences are multiplied by, as the spread of true effects asks for."""
        surfaces = self.artifact.manifest.get("surfaces") or {}
        known = {form: record["shrinkage"] for form, record in surfaces.items()}
        return np.array([known.get(context.form, 1.0) for context in contexts])

    def _vectors(self, texts: Sequence[str]) -> Representation:
        needed = any(offset.vectors.size for offset in self.artifact.offsets.values())
        rows = self._fitted.represent(texts) if needed else None
        return np.empty((len(texts), 0), dtype=np.float32) if rows is None else rows

    def _is_moved(self, texts: Sequence[str], contexts: Sequence[Context]) -> NDArray[np.bool_]:
        """Return True for each wording in the language that the predictor did not learn from."""
        transfer = self._transfer
        if transfer is None or not transfer.holds:
            return np.zeros(len(texts), dtype=bool)
        learned = self.artifact.domain.locale_groups.get(transfer.other, 0) >= MIN_LOCALE_GROUPS
        return np.array(
            [
                not learned and languages.language_of(text, context.locale) == transfer.other
                for text, context in zip(texts, contexts, strict=True)
            ],
            dtype=bool,
        )

    def _likeness(self, texts: Sequence[str], moved: NDArray[np.bool_]) -> NDArray[np.float32]:
        rows = self._fitted.represent([normalise_text(text) for text in texts])
        if rows is None or self._past is None:
            return np.zeros((len(texts), 0), dtype=np.float32)
        if moved.any():
            dense = cast("NDArray[np.float32]", rows)
            rows = np.where(moved[:, None], languages.shifted(dense, self._shift), dense)
        return likeness(rows, self._past)

    @cached_property
    def _words(self) -> WordIndex:
        return WordIndex(self.artifact.past)

    @cached_property
    def _shift(self) -> NDArray[np.float32]:
        transfer = cast("LanguageTransfer", self._transfer)
        represent = cast("Represent", self._fitted.represent)
        return languages.language_shift(represent, main=transfer.main, other=transfer.other)

    def _rank(self, wordings: list[ScoredWording], context: Context) -> list[ScoredWording]:
        """Add centred scores, ranks and rank distributions to the accepted wordings."""
        answered = [at for at, wording in enumerate(wordings) if wording.refusal is None]
        if not answered:
            return wordings
        texts = [wordings[at].text for at in answered]
        scores = self._scores(texts, [context] * len(texts))
        scores = scores - scores.mean()
        calibration = self.artifact.calibration
        # `lift_sd` is that of a difference; each of the two values has it divided by sqrt(2).
        spread = max(calibration.lift_sd, SMALLEST_SPREAD) / np.sqrt(2)
        beliefs = rank_beliefs(calibration.lift_slope * scores, spread)
        ranked = list(wordings)
        for at, score, belief in zip(answered, scores, beliefs, strict=True):
            rank = 1 + int(np.count_nonzero(scores > score))
            ranked[at] = replace(wordings[at], score=float(score), rank=rank, belief=belief)
        return ranked

    def _chances(self, wordings: Sequence[ScoredWording]) -> tuple[tuple[float | None, ...], ...]:
        def chance(row: ScoredWording, column: ScoredWording) -> float | None:
            if row is column or row.score is None or column.score is None:
                return None
            return float(win_probability(row.score - column.score, self.artifact.calibration))

        return tuple(tuple(chance(row, column) for column in wordings) for row in wordings)

    def _explain(self, wordings: list[ScoredWording], context: Context) -> list[ScoredWording]:
        """Add the effect of each word to the first accepted wordings."""
        chosen = [at for at, row in enumerate(wordings) if row.refusal is None][:MAX_EXPLAINED]
        effects = explain(
            [wordings[at].text for at in chosen],
            lambda texts: self._scores(texts, [context] * len(texts)),
        )
        slope = self.artifact.calibration.lift_slope
        explained = list(wordings)
        for at, words in zip(chosen, effects, strict=True):
            lifts = (replace(word, effect=float(np.expm1(slope * word.effect))) for word in words)
            explained[at] = replace(wordings[at], words=tuple(lifts))
        return explained

    def _compare(self, wordings: list[ScoredWording]) -> list[ScoredWording]:
        """Add chance and lift over the control, if there is one and it is accepted."""
        base = next((wording.score for wording in wordings if wording.is_control), None)
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
                is_toss_up=self._is_toss_up(wording.score - base),
            )
            for wording in wordings
        ]

    def _is_toss_up(self, difference: float) -> bool:
        chance = float(win_probability(abs(difference), self.artifact.calibration))
        risk = self.artifact.manifest.get("risk")
        limit = risk["toss_up"] if risk else 0.5
        return chance < limit or difference == 0

    @property
    def _levels(self) -> Mapping[Factor, Mapping[str, LevelRecord]]:
        """Held-out results of each level; empty for predictors of an earlier version."""
        offsets = self.artifact.manifest.get("departures")
        levels = offsets["levels"] if offsets else {}
        return cast("Mapping[Factor, Mapping[str, LevelRecord]]", levels)

    def _notes(self, wordings: Sequence[ScoredWording], context: Context) -> list[Reason]:
        offsets = self.artifact.offsets
        notes = [own_note(each, context.level(each), offsets.get(each)) for each in FACTORS]
        if notes[0] is None:
            groups = self.artifact.domain.audience_groups
            notes[0] = audience_note(context.audience, groups)
        if self._is_moved([each.text for each in wordings], [context] * len(wordings)).any():
            transfer = cast("LanguageTransfer", self._transfer)
            notes.append(transferred_note(transfer, self.artifact.domain.locale_groups))
        elif not context.locale:
            notes.append(locale_note(self.artifact.domain.locale_groups))
        notes.append(surface_note(context.form, self.artifact.manifest))
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
