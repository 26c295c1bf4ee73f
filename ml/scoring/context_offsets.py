"""Context offsets: deviations of an audience, language, form or position from the shared model.

The shared model s(text) is fitted to all tests. The offset of a level (an audience, for example)
is a ridge regression of the shared model's residuals on that level's own tests. It is the second
block of a group ridge with duplicated features [x, x 1(level)], given the first; a heavier
penalty borrows more from all tests. A level without tests has no offset. It works on top of any
strategy: it needs the scores and, if they do not depend on results, the vectors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ml.dataset.contrast_groups import ContrastGroup, center_in_group
from ml.language.traits import TRAITS, find_traits
from ml.scoring.context import Context, Factor, context_of
from ml.strategies.base import Representation

# Level of all groups pooled; an audience cannot have this key.
EVERYBODY = "*"
# A level with fewer tests gets the shared scores.
MIN_LEVEL_GROUPS = 10
# Penalties of standardised features, for evidence weights of mean 1; the last gives no offset.
PENALTIES = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, float("inf"))
# Weights of the vectors relative to the plain features: none, or as much as some of those.
VECTOR_WEIGHTS = (0.0, 2.0)
# Random directions a representation is projected onto, which roughly preserves its angles:
# a level has too few tests to fit more.
PROJECTED = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Features of the offsets, one row per wording.

    Args:
        plain: The shared score, every trait of `TRAITS`, and the logarithm of the number of
            words; float64 (n, p).
        vectors: Unit vectors that do not depend on results, (n, d); d may be 0.
    """

    plain: NDArray[np.float64]
    vectors: NDArray[np.float64] | NDArray[np.float32] | csr_array

    def rows(self, wanted: NDArray[np.bool_]) -> "Features":
        """Return some of the rows.

        Args:
            wanted: Mask of the rows, bool (n,).
        """
        return Features(plain=self.plain[wanted], vectors=self.vectors[wanted])


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextOffset:
    """Offsets of the levels of one factor.

    Args:
        factor: The factor.
        levels: Levels with offsets, l of them.
        groups: Number of contrast groups of each level, length l.
        borrowed: Share of each level's scores that comes from all tests, in [0, 1]: the shrinkage
            of its own signal by the penalty; length l.
        penalty: Ridge penalty; infinite if all offsets are 0.
        vector_weight: Weight of the vectors.
        plain: Coefficients of the plain features, float64 (l, p).
        vectors: Direction of each level in the space of the vectors, float64 (l, d).
    """

    # Stored; never rename.
    factor: Factor
    levels: tuple[str, ...]
    groups: tuple[int, ...]
    borrowed: tuple[float, ...]
    penalty: float
    vector_weight: float
    plain: NDArray[np.float64]
    vectors: NDArray[np.float64]

    def in_space_of(self, projection: NDArray[np.float64]) -> "ContextOffset":
        """Return the offset with directions in the space before the projection.

        Args:
            projection: Projection that gave the vectors, float64 (d, d').
        """
        if not self.vectors.size:
            return self
        return replace(self, vectors=(self.vectors @ projection.T).astype(np.float32))

    def shift(self, features: Features, level: str) -> NDArray[np.float64]:
        """Return the offsets of the shared scores for a level, up to a constant; float64 (n,).

        Args:
            features: Features of n wordings.
            level: A level; zeros are returned for one without offsets.
        """
        if level not in self.levels:
            return np.zeros(len(features.plain))
        at = self.levels.index(level)
        shift = np.asarray(features.plain @ self.plain[at], dtype=np.float64)
        return shift + features.vectors @ self.vectors[at] if self.vectors.size else shift


def plain_features(
    texts: Sequence[str], locales: Sequence[str], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the plain features of wordings, float64 (n, p).

    Args:
        texts: Wordings.
        locales: Language tag of each wording.
        scores: Shared score of each wording.

    >>> plain_features(["Get it now"], ["en"], np.array([0.5])).shape
    (1, 11)
    """
    traits_of = [find_traits(text, locale) for text, locale in zip(texts, locales, strict=True)]
    traits = np.array([[trait in row for trait in TRAITS] for row in traits_of], dtype=np.float64)
    length = np.log([max(1, len(text.split())) for text in texts])
    return np.column_stack([scores, traits.reshape(len(texts), len(TRAITS)), length])


def project(
    representation: Representation | None, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return vectors small enough to fit offsets on, and their projection.

    Args:
        representation: Unit rows (n, d), or None.
        n: Number of wordings.

    Returns:
        Vectors, float64 (n, 64), and projection, float64 (d, 64); without columns for None.

    Source: Johnson and Lindenstrauss (1984): random projections preserve distances.

    >>> project(None, 3)[0].shape
    (3, 0)
    """
    if representation is None:
        return np.empty((n, 0)), np.empty((0, 0))
    terms = representation.shape[1]
    projection = np.random.default_rng(0).standard_normal((terms, PROJECTED)) / np.sqrt(PROJECTED)
    return np.asarray(representation @ projection, dtype=np.float64), projection


def fit_context_offset(
    factor: Factor,
    groups: Sequence[ContrastGroup],
    features: Features,
    *,
    missed: NDArray[np.float64],
    evidence: NDArray[np.float64],
    pooled: bool = False,
) -> ContextOffset | None:
    """Fit the offsets of a factor's levels, with the penalty that predicts left-out tests best.

    Args:
        factor: The factor.
        groups: Contrast groups.
        features: Features of their arms, in order, with out-of-fold scores.
        missed: Target less the shared score of each arm, centred in its group, float64 (n,).
        evidence: Weight of each arm, positive, mean 1, float64 (n,).
        pooled: True to pool all groups into one level, `EVERYBODY`: the result then is not an
            offset, but the effect of these features on all.

    Returns:
        The offsets; None if no level has enough tests, or there is only one level.

    Source: Evgeniou and Pontil (2004), "Regularized multi-task learning", KDD; left-out residuals
    as in `ml.strategies.ridge`.
    """
    level_of = [EVERYBODY if pooled else context_of(group).level(factor) for group in groups]
    counts = {level: level_of.count(level) for level in dict.fromkeys(level_of)}
    levels = [level for level, count in counts.items() if level and count >= MIN_LEVEL_GROUPS]
    if not levels or (len(counts) < 2 and not pooled):
        return None
    sizes = [len(group.texts) for group in groups]
    group = np.repeat(np.arange(len(groups)), sizes)
    arm_level = np.repeat(np.array(level_of, dtype=object), sizes)
    scale = _scale(center_in_group(features.plain, group), evidence)
    plain = center_in_group(features.plain, group) / scale
    vectors = center_in_group(np.asarray(features.vectors, dtype=np.float64), group)
    penalty, weight, problems = _best_ridge(
        plain,
        vectors,
        missed,
        evidence=evidence,
        group=group,
        members={level: arm_level == level for level in levels},
    )
    weights = np.array([problems[level].weights(penalty) for level in levels])
    n_plain = plain.shape[1]
    return ContextOffset(
        factor=factor,
        levels=tuple(levels),
        groups=tuple(counts[level] for level in levels),
        borrowed=tuple(problems[level].borrowed(penalty) for level in levels),
        penalty=penalty,
        vector_weight=weight,
        plain=weights[:, :n_plain] / scale,
        vectors=weight * weights[:, n_plain:],
    )


def _best_ridge(
    plain: NDArray[np.float64],
    vectors: NDArray[np.float64],
    missed: NDArray[np.float64],
    *,
    evidence: NDArray[np.float64],
    group: NDArray[np.int64],
    members: Mapping[str, NDArray[np.bool_]],
) -> tuple[float, float, dict[str, "_Level"]]:
    """Return penalty, vector weight and solved levels with the least left-out error."""
    trials = []
    for weight in VECTOR_WEIGHTS if vectors.shape[1] else (0.0,):
        rows = np.hstack([plain, weight * vectors]) if weight else plain
        solved = {
            level: _Level.of(
                rows[inside], missed[inside], evidence=evidence[inside], group=group[inside]
            )
            for level, inside in members.items()
        }
        for penalty in PENALTIES:
            error = sum(level.left_out_error(penalty) for level in solved.values())
            trials.append((error, penalty, weight, solved))
    # The first of equal errors: the smaller vector weight, then the smaller penalty.
    _, penalty, weight, solved = min(trials, key=lambda trial: trial[0])
    return penalty, weight, solved


def shift_of(
    offsets: Mapping[Factor, ContextOffset], features: Features, context: Context
) -> NDArray[np.float64]:
    """Return the sum of all factors' offsets of the shared scores, float64 (n,).

    Args:
        offsets: Selected offsets by factor.
        features: Features of the wordings.
        context: Context of the wordings.
    """
    shift = np.zeros(len(features.plain))
    for factor, offset in offsets.items():
        shift = shift + offset.shift(features, context.level(factor))
    return shift


def _scale(centered: NDArray[np.float64], evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of each column inside groups; 1 for constant columns."""
    deviation = np.sqrt(np.mean(evidence[:, None] * centered**2, axis=0))
    return np.where(deviation > 1e-9, deviation, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """The ridge problem of one level, rotated once for all penalties.

    With X the weighted rows and X'X = V diag(values) V', `rotated` is X V and `moment` V' X' aim.
    Both `rotated` and `aim` end with a row of zeros; `members` has the rows of each group, padded
    with that one.
    """

    values: NDArray[np.float64]
    axes: NDArray[np.float64]
    rotated: NDArray[np.float64]
    moment: NDArray[np.float64]
    aim: NDArray[np.float64]
    members: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        rows: NDArray[np.float64],
        aim: NDArray[np.float64],
        *,
        evidence: NDArray[np.float64],
        group: NDArray[np.int64],
    ) -> "_Level":
        root = np.sqrt(evidence)
        weighted, aimed = rows * root[:, None], aim * root
        values, axes = np.linalg.eigh(weighted.T @ weighted)
        return cls(
            values=np.maximum(values, 0.0),  # rounding may leave it just below 0
            axes=axes,
            rotated=np.vstack([weighted @ axes, np.zeros(len(axes))]),
            moment=axes.T @ (weighted.T @ aimed),
            aim=np.append(aimed, 0.0),
            members=_members(group),
        )

    def weights(self, penalty: float) -> NDArray[np.float64]:
        if np.isinf(penalty):
            return np.zeros(len(self.values))
        return np.asarray(self.axes @ (self.moment / (self.values + penalty)))

    def borrowed(self, penalty: float) -> float:
        """Return the share of the level's own signal lost to shrinkage, weighted by variance."""
        if np.isinf(penalty) or self.values.sum() == 0:
            return 1.0
        shrinkage = self.values / (self.values + penalty)
        return float(1 - shrinkage @ self.values / self.values.sum())

    def left_out_error(self, penalty: float) -> float:
        """Return the sum of squared leave-one-group-out residuals."""
        if np.isinf(penalty):
            return float(self.aim @ self.aim)
        residual = self.aim - self.rotated @ (self.moment / (self.values + penalty))
        half_hat = (self.rotated / np.sqrt(self.values + penalty))[self.members]
        open_part = np.eye(self.members.shape[1]) - half_hat @ half_hat.transpose(0, 2, 1)
        missed = np.linalg.solve(open_part, residual[self.members][..., None])
        return float(np.sum(missed**2))


def _members(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows of each group, int64 (g, largest size), padded with the number of rows."""
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    sizes = np.diff(starts, append=len(group))
    at = np.arange(sizes.max(initial=0))
    return np.where(at < sizes[:, None], starts[:, None] + at, len(group))
