"""Context offsets: corrections of the shared model for an audience, language, form or position.

The shared model s(text) is learned from all tests. Some readers differ: the departure of a level
(one audience, say) is a ridge regression, on that level's own tests, of what the shared model
missed there. It is the second block of a group ridge with duplicated features [x, x 1(level)],
given the first; the heavier its penalty, the more is borrowed from all. A level without tests
departs by nothing. It works on top of any strategy: it needs its scores and, where they were
made without looking at results, its vectors.
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

# Level of all groups taken together; no audience can have this key.
EVERYBODY = "*"
# A level with fewer tests of its own gets the shared answer.
MIN_LEVEL_GROUPS = 10
# Of a standardised feature, for evidence weights of mean 1; the last one departs by nothing.
PENALTIES = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, float("inf"))
# Weight of the vectors beside the plain features: without them, or as much as some of those.
VECTOR_WEIGHTS = (0.0, 2.0)
# A representation is projected onto so many random directions, which roughly keeps its angles:
# a level has too few tests to learn more.
PROJECTED = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Features that offsets are learned on, a row a wording.

    Args:
        plain: The shared score, every trait of `TRAITS`, and the logarithm of the number of
            words; float64 (n, p).
        vectors: Unit vectors made without looking at results, (n, d); d may be 0.
    """

    plain: NDArray[np.float64]
    vectors: NDArray[np.float64] | NDArray[np.float32] | csr_array

    def rows(self, wanted: NDArray[np.bool_]) -> "Features":
        """Return some of the rows.

        Args:
            wanted: Mask of rows, bool (n,).
        """
        return Features(plain=self.plain[wanted], vectors=self.vectors[wanted])


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextOffset:
    """The departures of the levels of one factor.

    Args:
        factor: Factor of the offset.
        levels: The levels with departures of their own, l of them.
        groups: Contrast groups of each, length l.
        borrowed: Share of each level's answer that comes from all, in [0, 1]: what the penalty
            takes off its own signal; length l.
        penalty: Ridge penalty; infinite when nothing departs.
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
        """Return the same with directions in the space that was projected.

        Args:
            projection: Projection that made the vectors, float64 (d, d').
        """
        if not self.vectors.size:
            return self
        return replace(self, vectors=(self.vectors @ projection.T).astype(np.float32))

    def shift(self, features: Features, level: str) -> NDArray[np.float64]:
        """Return what is added to the shared scores for a level, up to a constant; float64 (n,).

        Args:
            features: Features of n wordings.
            level: A level; one without departures of its own shifts nothing.
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
        locales: Language tag of each.
        scores: Shared score of each.

    >>> plain_features(["Get it now"], ["en"], np.array([0.5])).shape
    (1, 11)
    """
    found = [find_traits(text, locale) for text, locale in zip(texts, locales, strict=True)]
    traits = np.array([[trait in each for trait in TRAITS] for each in found], dtype=np.float64)
    length = np.log([max(1, len(text.split())) for text in texts])
    return np.column_stack([scores, traits.reshape(len(texts), len(TRAITS)), length])


def project(
    representation: Representation | None, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return vectors small enough to learn departures on, and the projection that made them.

    Args:
        representation: Unit rows (n, d), or None.
        n: Number of wordings.

    Returns:
        Float64 (n, 64), and the projection, float64 (d, 64); with no column for no representation.

    Source: Johnson and Lindenstrauss (1984): random projections keep distances.

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
    """Learn how the levels of a factor depart, with the penalty that predicts left-out tests best.

    Args:
        factor: Factor of the offset.
        groups: Contrast groups.
        features: Features of their arms, in order; scores from a model that did not see it.
        missed: Target less the shared score of each arm, centred in its group, float64 (n,).
        evidence: Weight of each arm, positive, mean 1, float64 (n,).
        pooled: Take all groups as one level, `EVERYBODY`: the result is then not an offset, but
            the effect of these features for all.

    Returns:
        The departures; None if no level has enough tests, or there is but one level.

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
    penalty, weight, solved = _best_ridge(
        plain,
        vectors,
        missed,
        evidence=evidence,
        group=group,
        members={level: arm_level == level for level in levels},
    )
    weights = np.array([solved[level].weights(penalty) for level in levels])
    n_plain = plain.shape[1]
    return ContextOffset(
        factor=factor,
        levels=tuple(levels),
        groups=tuple(counts[level] for level in levels),
        borrowed=tuple(solved[level].borrowed(penalty) for level in levels),
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
    """Return what all factors add to the shared scores of wordings, float64 (n,).

    Args:
        offsets: By factor; those that were kept.
        features: Features of the wordings.
        context: Target of the wordings.
    """
    shift = np.zeros(len(features.plain))
    for factor, offset in offsets.items():
        shift = shift + offset.shift(features, context.level(factor))
    return shift


def _scale(centered: NDArray[np.float64], evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of each column inside groups; 1 for one that never varies."""
    deviation = np.sqrt(np.mean(evidence[:, None] * centered**2, axis=0))
    return np.where(deviation > 1e-9, deviation, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """The ridge problem of one level, rotated once for all penalties.

    With X the weighted rows and X'X = V diag(values) V', `rotated` is X V and `moment` V' X' aim.
    Both `rotated` and `aim` end with a row of zeros; `members` has the rows of each group, filled
    up with that one.
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
            values=np.maximum(values, 0.0),  # rounding may leave it just below
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
        """Share of the level's own signal that is not used, by how much wordings vary in it."""
        if np.isinf(penalty) or self.values.sum() == 0:
            return 1.0
        kept = self.values / (self.values + penalty)
        return float(1 - kept @ self.values / self.values.sum())

    def left_out_error(self, penalty: float) -> float:
        """Sum of squares of what is missed when a group is left out of its own fit."""
        if np.isinf(penalty):
            return float(self.aim @ self.aim)
        residual = self.aim - self.rotated @ (self.moment / (self.values + penalty))
        half_hat = (self.rotated / np.sqrt(self.values + penalty))[self.members]
        open_part = np.eye(self.members.shape[1]) - half_hat @ half_hat.transpose(0, 2, 1)
        missed = np.linalg.solve(open_part, residual[self.members][..., None])
        return float(np.sum(missed**2))


def _members(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows of each group, int64 (g, largest size); the number of rows fills up."""
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    sizes = np.diff(starts, append=len(group))
    at = np.arange(sizes.max(initial=0))
    return np.where(at < sizes[:, None], starts[:, None] + at, len(group))
