"""The training loop of a pretrained network: linear probe first, then its upper layers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.dataset.groups import Arms
from ml.strategies.network import States, upper_means
from ml.strategies.targets import centered_targets, evidence_weights

# Texts of a step are read so many at a time, those of similar length together.
PART = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningSettings:
    """How the upper layers are trained.

    Args:
        epochs: Passes over the groups, >= 1.
        groups_a_step: Groups a step, >= 1.
        body_rate: Largest learning rate of the layers; that of each lower one is `decay` times.
        head_rate: Largest learning rate of the head.
        decay: Learning rate of a layer over that of the one above it, in (0, 1].
        warm_up: Share of the steps in which the rates rise; they fall linearly after, in (0, 1).
        dropout: Share of activations left out in training, in [0, 1).
        weight_decay: Of the layers, >= 0.
        max_norm: Gradients are cut to this length, > 0.
    """

    epochs: int = 2
    groups_a_step: int = 16
    body_rate: float = 5e-5
    head_rate: float = 1e-3
    decay: float = 1.0
    warm_up: float = 0.1
    dropout: float = 0.1
    weight_decay: float = 0.01
    max_norm: float = 1.0


def tune(
    layers: Sequence[nn.Module],
    head: NDArray[np.float64],
    states: States,
    arms: Arms,
    *,
    settings: TuningSettings,
    seed: int,
) -> NDArray[np.float64]:
    """Train layers, in place, and a head so that scores follow the differences inside groups.

    The loss is the head's own: squared error of the score, centred in its group, against the
    centred log click rate, weighted by evidence. On the Upworthy archive it did better than the
    conditional multinomial likelihood of the clicks, in which tests with very many clicks drown
    the others.

    Args:
        layers: The trained layers, lowest first.
        head: Direction to start from, float64 (d,): a linear probe.
        states: Input of the lowest of them for each arm.
        arms: Arms of the groups.
        settings: How.
        seed: Seed of order and dropout, >= 0.

    Returns:
        The head, float64 (d,).

    Source: linear probe, then fine-tuning: Kumar et al. (2022), ICLR, arXiv 2202.10054.
    Discriminative learning rates: Howard and Ruder (2018), ACL.
    """
    rng = np.random.default_rng(seed)
    target = torch.tensor(centered_targets(arms), dtype=torch.float32)
    weight = torch.tensor(evidence_weights(arms), dtype=torch.float32)
    weights = nn.Parameter(torch.tensor(head, dtype=torch.float32))
    n_steps = settings.epochs * -(-arms.n_groups // settings.groups_a_step)
    optimizer = _optimizer(layers, weights, settings)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: _rate(step, n_steps, settings.warm_up)
    )
    trained = [each for part in optimizer.param_groups for each in part["params"]]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _set_mode(layers, settings.dropout)
        for batch in _batches(arms, settings, rng):
            rows = torch.from_numpy(batch)
            scores = _means(layers, states, batch) @ weights
            missed = _center(scores, torch.from_numpy(arms.group[batch])) - target[rows]
            loss = (weight[rows] * missed.square()).sum() / settings.groups_a_step
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(trained, settings.max_norm)
            optimizer.step()
            schedule.step()
    for layer in layers:
        layer.eval()
    return weights.detach().numpy().astype(np.float64)


def _optimizer(
    layers: Sequence[nn.Module], head: nn.Parameter, settings: TuningSettings
) -> torch.optim.AdamW:
    parts = [{"params": [head], "lr": settings.head_rate, "weight_decay": 0.0}]
    for below_top, layer in enumerate(reversed(layers)):
        rate = settings.body_rate * settings.decay**below_top
        parameters = [each for each in layer.parameters() if each.requires_grad]
        parts.append({"params": parameters, "lr": rate, "weight_decay": settings.weight_decay})
    return torch.optim.AdamW(parts)


def _rate(step: int, n_steps: int, warm_up: float) -> float:
    """Return the share of the largest learning rate at a step."""
    rising, falling = (step + 1) / (warm_up * n_steps), (n_steps - step) / n_steps
    return min(1.0, rising, falling / (1 - warm_up))


def _set_mode(layers: Sequence[nn.Module], dropout: float) -> None:
    for layer in layers:
        layer.train()
        for module in layer.modules():
            if isinstance(module, nn.Dropout):
                module.p = dropout


def _batches(
    arms: Arms, settings: TuningSettings, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Yield the arms of some groups at a time, group after group, in a new order each epoch."""
    members = np.split(np.arange(len(arms.texts)), np.flatnonzero(np.diff(arms.group)) + 1)
    for _ in range(settings.epochs):
        order = rng.permutation(arms.n_groups)
        for start in range(0, len(order), settings.groups_a_step):
            chosen = order[start : start + settings.groups_a_step]
            yield np.concatenate([members[group] for group in chosen])


def _means(layers: Sequence[nn.Module], states: States, rows: NDArray[np.int64]) -> Tensor:
    """Return the means of some rows, computed in parts of one size and similar lengths.

    A part that is not full is filled with the shortest text: shapes that occur again and again
    need no kernels and no memory of their own.
    """
    order = sorted(range(len(rows)), key=lambda at: len(states.rows[rows[at]]))
    filler = [order[0]] * (-len(order) % PART)
    filled = [states.rows[rows[at]] for at in (*filler, *order)]
    means = torch.cat(
        [upper_means(layers, filled[start : start + PART]) for start in range(0, len(filled), PART)]
    )
    back = np.argsort(order) + len(filler)
    return means[torch.from_numpy(back)]


def _center(scores: Tensor, group: Tensor) -> Tensor:
    """Return the scores less the mean of their group; rows of a group stand together."""
    _, inverse, sizes = torch.unique_consecutive(group, return_inverse=True, return_counts=True)
    sums = torch.zeros(len(sizes)).index_add(0, inverse, scores)
    means: Tensor = sums / sizes
    return scores - means[inverse]
