"""Baseline without text: equal scores for all wordings."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import Arms
from ml.progress import Progress, no_progress
from ml.strategies.base import Parts


class NoText:
    """Ignores the wording; every other strategy has to beat it.

    >>> NoText().fit(arms=None).score(["Go", "Try"])
    array([0., 0.])
    """

    name = "no_text"
    is_transfer = False

    def fit(self, arms: Arms, *, progress: Progress = no_progress) -> "NoText":
        """Return itself: there is nothing to learn."""
        return self

    def restore(self, parts: Parts) -> "NoText":
        """Return itself."""
        return self

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return zeros, float64 (n,)."""
        return np.zeros(len(texts))

    def represent(self, texts: Sequence[str]) -> None:
        """Return None: texts are not read."""

    def parts(self) -> Parts:
        """Return empty parts."""
        return Parts(tensors={}, words={})
