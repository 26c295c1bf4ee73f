"""Processes that train one network together: each reads a share of every step's groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from accelerate.utils import reduce
from torch import Tensor, nn

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessGroup:
    """A process and its like, which hold equal weights.

    Args:
        rank: Of this process, in [0, size).
        size: Processes there are, >= 1; more than one find each other through accelerate.

    >>> ProcessGroup(rank=1, size=2).share(["a", "b", "c"])
    ['b']
    """

    rank: int = 0
    size: int = 1

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return what this process reads of some items; together they read each once."""
        return items[self.rank :: self.size]

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over all processes, equal in each.

        Args:
            values: Of one shape everywhere.
        """
        if self.size == 1:
            return values
        summed: Tensor = reduce(values, reduction="sum")
        return summed

    def add_gradients(self, weights: Sequence[nn.Parameter]) -> None:
        """Give every process the sum of all processes' gradients.

        Args:
            weights: Those of a process that read nothing in this step need have no gradient.
        """
        if self.size == 1:
            return
        gradients = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
        summed = self.total(torch.cat([each.flatten() for each in gradients]))
        parts = torch.split(summed, [each.numel() for each in weights])
        for each, part in zip(weights, parts, strict=True):
            each.grad = part.view_as(each)


ALONE = ProcessGroup()
