"""Some groups watch a training and tell when it no longer learns: early stopping."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor, nn

from ml.dataset.contrast_groups import Arms

# With fewer groups to look at, a loss tells more of them than of the training.
MIN_WATCHED = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTrace:
    """How a training went; JSON-able.

    Args:
        seed: Of order and dropout.
        planned: Steps there would have been.
        taken: Steps there were.
        kept: The step whose weights were kept; 0: the linear probe.
        watched: Groups that watched it; 0: none did, and it went to its end.
        withheld: Whether it was not taught them.
        loss_before: Share of their results that the probe leaves unexplained, in [0, 1]; None if
            nothing was watched.
        loss: The same at the step that was kept.
    """

    # Stored; never rename.
    seed: int
    planned: int
    taken: int
    kept: int
    watched: int
    withheld: bool
    loss_before: float | None
    loss: float | None


def watched_groups(arms: Arms, *, share: float, number: int) -> NDArray[np.bool_]:
    """Return which groups watch a training, bool (g,).

    Groups that share a wording are watched together or not at all.

    Args:
        arms: Arms of g groups.
        share: Of the groups to watch, in [0, 1).
        number: Of the training, >= 0: the watched groups of the first 1/share trainings are
            disjoint, so that several trainings together are taught everything.

    Returns:
        None of them if the share is 0 or there would be fewer than 30.

    >>> arms = Arms(
    ...     texts=("Go", "Try") * 400,
    ...     group=np.repeat(np.arange(400), 2),
    ...     visitors=np.ones(800),
    ...     clicks=np.ones(800),
    ... )
    >>> watched_groups(arms, share=0.1, number=0).any()  # All of them share their wordings.
    np.False_
    """
    nothing = np.zeros(arms.n_groups, dtype=bool)
    if not share:
        return nothing
    family = _families(arms)
    every = round(1 / share)
    order = np.random.default_rng(0).permutation(family.max() + 1)
    chosen = np.isin(family, order[number % every :: every])
    is_fair = MIN_WATCHED <= chosen.sum() <= arms.n_groups / 2
    return chosen if is_fair else nothing


class EarlyStopping:
    """Remembers the weights that did best so far.

    Args:
        weights: What is trained.
        patience: Looks without a lower loss after which to stop, >= 1.

    >>> weight = nn.Parameter(torch.zeros(1))
    >>> watch = EarlyStopping([weight], patience=9)
    >>> watch.note(0, 1.0), watch.note(4, float("nan"))
    (True, False)
    """

    def __init__(self, weights: Sequence[nn.Parameter], *, patience: int) -> None:
        self._weights = weights
        self._patience = patience
        self._best: list[Tensor] = []
        self._waited = 0
        self.kept = 0
        self.losses: list[float] = []

    @property
    def loss(self) -> float | None:
        """The lowest loss so far; None before the first look."""
        return min(self.losses) if self.losses else None

    def note(self, step: int, loss: float) -> bool:
        """Note a loss; return whether to go on: not from where there are no numbers any more."""
        if math.isnan(loss):
            return False
        if not self.losses or loss < min(self.losses):
            self._best = [each.detach().clone() for each in self._weights]
            self._waited, self.kept = 0, step
        else:
            self._waited += 1
        self.losses.append(loss)
        return self._waited < self._patience

    @torch.no_grad()
    def restore(self) -> None:
        """Put the weights that did best back; without a look, all stay as they are."""
        for weights, best in zip(self._weights, self._best, strict=False):
            weights.copy_(best)


def _families(arms: Arms) -> NDArray[np.int64]:
    """Return a number for each group, int64 (g,), equal where wordings are shared."""
    _, text = np.unique(arms.texts, return_inverse=True)
    stands = csr_array((np.ones(len(text)), (arms.group, text)))
    _, family = connected_components(stands @ stands.T, directed=False)
    return np.asarray(family, dtype=np.int64)
