from itertools import chain

import torch  # noqa: TID253 - compares weights
from torch import nn  # noqa: TID253

from ml.fine_tuning import process_group
from ml.fine_tuning.process_group import ProcessGroup


def test_every_item_is_read_by_one_process():
    items = list(range(7))
    shares = [ProcessGroup(rank=rank, size=3).share(items) for rank in range(3)]
    assert sorted(chain.from_iterable(shares)) == items
    assert ProcessGroup().share(items) == items


def test_one_process_adds_nothing_up():
    weights = [nn.Parameter(torch.ones(2))]
    ProcessGroup().add_gradients(weights)
    assert weights[0].grad is None
    assert ProcessGroup().total(torch.ones(1)).item() == 1


def test_processes_that_read_nothing_still_add_up(monkeypatch):
    monkeypatch.setattr(process_group, "reduce", lambda values, reduction: values + 1)
    weights = [nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(3))]
    weights[1].grad = torch.full((3,), 2.0)
    ProcessGroup(rank=1, size=2).add_gradients(weights)
    assert weights[0].grad.tolist() == [[1, 1], [1, 1]]
    assert weights[1].grad.tolist() == [3, 3, 3]
