"""Early stopping on a validation set of contrast groups."""

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

# With fewer groups, the loss depends more on the sample than on the training.
MIN_WATCHED = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTrace:
    """Record of one training; JSON-able, so its field names are stored.

    Args:
        seed: Seed of order and dropout.
        planned: Steps planned.
        taken: Steps taken.
        kept: Step whose weights were kept; 0: the linear probe.
        watched: Number of validation groups; 0: no early stopping.
        withheld: True if the validation groups were excluded from training.
        loss_before: Share of the validation targets that the probe leaves unexplained, in [0, 1];
            None without validation groups.
        loss: The same at the kept step.
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
    """Return the mask of the validation groups of a training, bool (g,).

    Groups that share a wording are chosen together or not at all.

    Args:
        arms: Arms of g groups.
        share: Share of the groups to choose, in [0, 1).
        number: Number of the training, >= 0: the first 1/share trainings get disjoint groups, so
            that together they learn from everything.

    Returns:
        All False if the share is 0 or fewer than 30 groups would be chosen.

    >>> arms = Arms(
    ...     texts=("Go", "Try") * 400,
    ...     group=np.repeat(np.arange(400), 2),
    ...     visitors=np.ones(800),
    ...     clicks=np.ones(800),
    ... )
    >>> watched_groups(arms, share=0.1, number=0).any()  # All of them share their wordings.
    np.False_
    """
    none = np.zeros(arms.n_groups, dtype=bool)
    if not share:
        return none
    family = _families(arms)
    every = round(1 / share)
    order = np.random.default_rng(0).permutation(family.max() + 1)
    chosen = np.isin(family, order[number % every :: every])
    is_fair = MIN_WATCHED <= chosen.sum() <= arms.n_groups / 2
    return chosen if is_fair else none


class EarlyStopping:
    """Keeps a copy of the weights with the lowest loss so far.

    Args:
        weights: The trained weights.
        patience: Evaluations without a lower loss after which to stop, >= 1.

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
        """The lowest loss so far; None before the first evaluation."""
        return min(self.losses) if self.losses else None

    def note(self, step: int, loss: float) -> bool:
        """Record a loss; return False if training should stop, as at once after a NaN."""
        if math.isnan(loss):
            return False
        if not self.losses or loss < min(self.losses):
            self._best = [weight.detach().clone() for weight in self._weights]
            self._waited, self.kept = 0, step
        else:
            self._waited += 1
        self.losses.append(loss)
        return self._waited < self._patience

    @torch.no_grad()
    def restore(self) -> None:
        """Restore the best weights; without an evaluation, leave all unchanged."""
        for weights, best in zip(self._weights, self._best, strict=False):
            weights.copy_(best)


def _families(arms: Arms) -> NDArray[np.int64]:
    """Return a number for each group, int64 (g,), equal for groups that share wordings."""
    _, text = np.unique(arms.texts, return_inverse=True)
    incidence = csr_array((np.ones(len(text)), (arms.group, text)))
    _, family = connected_components(incidence @ incidence.T, directed=False)
    return np.asarray(family, dtype=np.int64)
