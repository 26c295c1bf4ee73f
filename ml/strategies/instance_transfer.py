"""Instance transfer: training on tests of another site or audience, weighted by similarity."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import Arms
from ml.progress import Progress, no_progress
from ml.strategies.base import FittedStrategy, Parts, Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class WithSource:
    """A strategy trained on source tests in addition to the target's.

    Args:
        inner: Strategy that is fitted to both.
        source: Arms of the source tests, none of them connected to a target test.
        trust: Factor on the evidence of each source arm, float64, >= 0.
        name: Key of the strategy.
        is_transfer: True: it uses data from outside the target.
    """

    inner: Strategy
    source: Arms
    trust: NDArray[np.float64]
    name: str = "with_source"
    is_transfer: bool = True

    def fit(self, arms: Arms, *, progress: Progress = no_progress) -> FittedStrategy:
        """Learn from the target's arms and the source's.

        Args:
            arms: Arms of target groups; empty: learn from the source alone.
            progress: Called with the fraction done.
        """
        return self.inner.fit(join_arms(arms, self.source, trust=self.trust), progress=progress)

    def restore(self, parts: Parts) -> FittedStrategy:
        """Return the fitted strategy with the stored parts."""
        return self.inner.restore(parts)


def join_arms(arms: Arms, further: Arms, *, trust: NDArray[np.float64]) -> Arms:
    """Return arms followed by further ones, weighted by their trust.

    Args:
        arms: Arms of n groups.
        further: Arms to append; their groups are numbered on from there.
        trust: Trust of the further arms, float64.

    >>> def pair(text):
    ...     return Arms(
    ...         texts=(text, text + "!"),
    ...         group=np.array([0, 0]),
    ...         visitors=np.array([9.0, 9.0]),
    ...         clicks=np.array([2.0, 1.0]),
    ...     )
    >>> joined = join_arms(pair("Go"), pair("Try"), trust=np.array([0.5, 0.5]))
    >>> joined.group, joined.trust
    (array([0, 0, 1, 1]), array([1. , 1. , 0.5, 0.5]))
    """
    own = np.ones(len(arms.texts)) if arms.trust is None else arms.trust
    return Arms(
        texts=(*arms.texts, *further.texts),
        group=np.concatenate([arms.group, further.group + arms.n_groups]),
        visitors=np.concatenate([arms.visitors, further.visitors]),
        clicks=np.concatenate([arms.clicks, further.clicks]),
        trust=np.concatenate([own, trust]),
    )
