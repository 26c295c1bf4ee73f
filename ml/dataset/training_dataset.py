"""Dataset of a training: what is fixed for all of its steps, worked out once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import Arms, ContrastGroup, Dataset, stack_arms
from ml.dataset.dispersion import replicate_dispersion
from ml.dataset.pairs import Pairs, pair_arms
from ml.dataset.splits import connect_groups


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingDataset:
    """The groups that judge, and what every step of a training reads off them.

    Args:
        history: All of it, doubtful groups included.
        groups: Groups that are not doubtful, length g.
        arms: Their arms.
        pairs: Their decided pairs.
        components: Connected component of each, int64 (g,).
        dispersion: Noise variance over binomial variance, >= 1; None without enough replicates.
    """

    history: Dataset
    groups: tuple[ContrastGroup, ...]
    arms: Arms
    pairs: Pairs
    components: NDArray[np.int64]
    dispersion: float | None

    @property
    def n_components(self) -> int:
        """Number of connected components."""
        return int(self.components.max()) + 1 if len(self.components) else 0


def training_dataset(history: Dataset) -> TrainingDataset:
    """Return the dataset of a training on a history.

    Args:
        history: Contrast groups.

    >>> from ml.dataset.contrast_groups import build_groups
    >>> training_dataset(build_groups([])).n_components
    0
    """
    groups = tuple(group for group in history.groups if not group.suspect)
    arms = stack_arms(groups)
    return TrainingDataset(
        history=history,
        groups=groups,
        arms=arms,
        pairs=pair_arms(arms),
        components=connect_groups(groups),
        dispersion=replicate_dispersion(history),
    )
