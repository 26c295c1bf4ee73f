"""Data-parallel process group: each process reads a share of every step's groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from accelerate.utils import reduce
from torch import Tensor, nn

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessGroup:
    """A data-parallel process group; all members hold the same weights.

    Args:
        rank: Rank of this process, in [0, size).
        size: Number of processes, >= 1; several communicate through accelerate.

    >>> ProcessGroup(rank=1, size=2).share(["a", "b", "c"])
    ['b']
    """

    rank: int = 0
    size: int = 1

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return this process's share of some items; the shares are disjoint and complete."""
        return items[self.rank :: self.size]

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over all processes, equal in each.

        Args:
            values: Tensor of the same shape in every process.
        """
        if self.size == 1:
            return values
        summed: Tensor = reduce(values, reduction="sum")
        return summed

    def add_gradients(self, weights: Sequence[nn.Parameter]) -> None:
        """Give every process the sum of all processes' gradients.

        Args:
            weights: The trained weights; without a gradient if this process read nothing.
        """
        if self.size == 1:
            return
        gradients = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
        summed = self.total(torch.cat([gradient.flatten() for gradient in gradients]))
        parts = torch.split(summed, [weight.numel() for weight in weights])
        for weight, part in zip(weights, parts, strict=True):
            weight.grad = part.view_as(weight)


ALONE = ProcessGroup()
