"""Stacked strategies: the weighted mean of their scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import Arms
from ml.progress import Progress, no_progress, within
from ml.strategies.base import FittedStrategy, Parts, Representation, Strategy
from ml.tensors import below


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Weighted mean of the scores of strategies with different errors.

    All scores are predicted log click rates, shrunk by each fit, so that a mean already weights
    them by evidence.

    Args:
        members: At least one strategy; scores of those already tried are reused.
        weights: Weight of each member, > 0.
        name: Key of the strategy.
        is_transfer: True if a member starts from a pretrained model.

    >>> from ml.strategies.no_text import NoText
    >>> stack = Stack(members=(NoText(), NoText()), weights=(3.0, 1.0))
    >>> stack.combine([np.array([1.0, 0.0]), np.array([0.0, 0.0])])
    array([0.75, 0.  ])
    """

    members: tuple[Strategy, ...]
    weights: tuple[float, ...]
    name: str = "stack"
    is_transfer: bool = True

    def fit(self, arms: Arms, *, progress: Progress = no_progress) -> "FittedStack":
        """Fit every member.

        Args:
            arms: Arms of the groups.
            progress: Called with the fraction done.
        """
        share = 1 / len(self.members)
        fitted = tuple(
            member.fit(arms, progress=within(progress, at * share, share))
            for at, member in enumerate(self.members)
        )
        return FittedStack(names=self._names, members=fitted, weights=self.weights)

    def restore(self, parts: Parts) -> "FittedStack":
        """Return the stack with the stored members."""
        return FittedStack(
            names=self._names,
            weights=tuple(parts.words["weights"]),
            members=tuple(
                member.restore(
                    Parts(
                        tensors=below(f"{member.name}/", parts.tensors),
                        words=parts.words[member.name],
                    )
                )
                for member in self.members
            ),
        )

    def combine(self, scores: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the scores of the stack, float64 (n,).

        Args:
            scores: Scores of each member, in order, float64 (n,).
        """
        return np.average(scores, axis=0, weights=self.weights)

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(member.name for member in self.members)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedStack:
    """A stack of fitted strategies.

    Args:
        names: Keys of the members.
        members: The members, in the same order.
        weights: Weights of their scores.
    """

    names: tuple[str, ...]
    members: tuple[FittedStrategy, ...]
    weights: tuple[float, ...]

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the weighted mean of the members' scores, float64 (n,)."""
        scores = [member.score(texts) for member in self.members]
        return np.average(scores, axis=0, weights=self.weights)

    def represent(self, texts: Sequence[str]) -> Representation | None:
        """Return the last member's representation of the texts."""
        return self.members[-1].represent(texts)

    def parts(self) -> Parts:
        """Return the parts of every member."""
        stored = {
            name: member.parts() for name, member in zip(self.names, self.members, strict=True)
        }
        return Parts(
            tensors={
                f"{name}/{key}": values
                for name, parts in stored.items()
                for key, values in parts.tensors.items()
            },
            words={name: dict(parts.words) for name, parts in stored.items()}
            | {"weights": list(self.weights)},
        )
