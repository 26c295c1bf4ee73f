"""The training loop of a pretrained network: linear probe first, then its upper layers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.dataset.contrast_groups import Arms
from ml.dataset.targets import centered_targets, evidence_weights
from ml.fine_tuning.early_stopping import EarlyStopping, TrainingTrace, watched_groups
from ml.fine_tuning.process_group import ALONE, ProcessGroup
from ml.fine_tuning.transformer_layers import States, device_of, seeded, upper_means
from ml.progress import Progress, no_progress

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
        watched: Share of the groups that tell when to stop, in [0, 1).
        withheld: Whether these are kept from the training, so that it stops when it no longer
            learns anything that holds elsewhere. Else they are taught as well and only guard
            against a training that diverges. On the Upworthy archive two epochs on everything do
            no worse than the best moment of two epochs on nine tenths: docs/prediction.md.
        looks: How often in an epoch they are looked at, >= 1.
        patience: Looks without a lower loss after which to stop, >= 1.
    """

    epochs: int = 2
    groups_a_step: int = 16
    body_rate: float = 2e-4
    head_rate: float = 1e-3
    decay: float = 1.0
    warm_up: float = 0.1
    dropout: float = 0.1
    weight_decay: float = 0.01
    max_norm: float = 1.0
    watched: float = 0.1
    withheld: bool = False
    looks: int = 4
    patience: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """What is learned from.

    Args:
        states: Input of the lowest trained layer for each arm.
        group: Group of each arm, int64 (n,), not decreasing, no gaps.
        target: Centred log click rate of each arm, float64 (n,).
        evidence: How much each arm counts, float64 (n,).
        watched: Groups that tell when to stop, bool (g,).
        taught: Groups that are learned from, bool (g,).
        seed: Of order and dropout, >= 0.
    """

    states: States
    group: NDArray[np.int64]
    target: NDArray[np.float64]
    evidence: NDArray[np.float64]
    watched: NDArray[np.bool_]
    taught: NDArray[np.bool_]
    seed: int

    def members(self, wanted: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
        """Return the arms of each group that is wanted."""
        arms = np.split(np.arange(len(self.group)), np.flatnonzero(np.diff(self.group)) + 1)
        return [arms[group] for group in np.flatnonzero(wanted)]


def prepare_training_data(
    arms: Arms, states: States, *, settings: TuningSettings, seed: int
) -> TrainingData:
    """Return what a training learns from, with the groups that watch it.

    Args:
        arms: Arms of the groups.
        states: What the frozen layers make of each arm.
        settings: With the share of groups to watch.
        seed: Of the training, >= 0: each watches others.
    """
    watched = watched_groups(arms, share=settings.watched, number=seed)
    return TrainingData(
        states=states,
        group=arms.group,
        target=centered_targets(arms),
        evidence=evidence_weights(arms),
        watched=watched,
        taught=~watched if settings.withheld else np.ones_like(watched),
        seed=seed,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What a training made, beside the layers that it changed.

    Args:
        head: Direction on the unit means, float64 (d,).
        trace: How it went.
    """

    head: NDArray[np.float64]
    trace: TrainingTrace


def tune(
    layers: Sequence[nn.Module],
    head: NDArray[np.float64],
    training_data: TrainingData,
    *,
    settings: TuningSettings,
    process_group: ProcessGroup = ALONE,
    progress: Progress = no_progress,
) -> Tuned:
    """Train layers, in place, and a head so that scores follow the differences inside groups.

    The loss is the head's own: squared error of the score, centred in its group, against the
    centred log click rate, weighted by evidence. On the Upworthy archive it did better than the
    conditional multinomial likelihood of the clicks, in which tests with very many clicks drown
    the others. Where groups are watched, the weights with the lowest loss on them are kept, the
    probe's among them, and training stops when the loss no longer falls.

    Args:
        layers: The trained layers, lowest first.
        head: Direction to start from, float64 (d,): a linear probe.
        training_data: What is learned from.
        settings: How.
        process_group: Those who train them; each calls this, on equal layers.
        progress: Told the fraction of the steps done.

    Source: linear probe, then fine-tuning: Kumar et al. (2022), ICLR, arXiv 2202.10054.
    Discriminative learning rates: Howard and Ruder (2018), ACL. Early stopping: Prechelt (1998),
    "Early stopping, but when?", Neural Networks: Tricks of the Trade.
    """
    taught, watched = (
        training_data.members(training_data.taught),
        training_data.members(training_data.watched),
    )
    steps_an_epoch = -(-len(taught) // settings.groups_a_step)
    n_steps, a_look = settings.epochs * steps_an_epoch, -(-steps_an_epoch // settings.looks)
    learner = Learner(
        layers, head, training_data, settings=settings, n_steps=n_steps, process_group=process_group
    )
    watch = EarlyStopping(learner.trained, patience=settings.patience)
    taken = 0
    # What dropout leaves out should not be the same everywhere.
    with seeded(training_data.seed + (process_group.rank << 32), device_of(layers)):
        if watched:
            watch.note(0, learner.unexplained(watched))
        for groups in _batches(taught, settings, np.random.default_rng(training_data.seed)):
            learner.step(groups)
            taken += 1
            if taken % a_look and taken < n_steps:
                continue
            progress(taken / n_steps)
            if watched and not watch.note(taken, learner.unexplained(watched)):
                break
    progress(1.0)
    watch.restore()
    trace = TrainingTrace(
        seed=training_data.seed,
        planned=n_steps,
        taken=taken,
        kept=watch.kept if watched else taken,
        watched=len(watched),
        withheld=settings.withheld and bool(watched),
        loss_before=watch.losses[0] if watched else None,
        loss=watch.loss,
    )
    return Tuned(head=learner.finished(), trace=trace)


class Learner:
    """Layers and a head that learn, a step at a time.

    Args:
        layers: The trained layers, lowest first.
        head: Direction to start from, float64 (d,).
        training_data: What is learned from.
        settings: How.
        n_steps: After so many the learning rate is 0.
        process_group: Those who train the same.
    """

    def __init__(
        self,
        layers: Sequence[nn.Module],
        head: NDArray[np.float64],
        training_data: TrainingData,
        *,
        settings: TuningSettings,
        n_steps: int,
        process_group: ProcessGroup = ALONE,
    ) -> None:
        self._process_group = process_group
        self._layers, self._states, self._settings = layers, training_data.states, settings
        device = device_of(layers)
        self._head = nn.Parameter(torch.tensor(head, dtype=torch.float32, device=device))
        self._target = torch.tensor(training_data.target, dtype=torch.float32, device=device)
        self._evidence = torch.tensor(training_data.evidence, dtype=torch.float32, device=device)
        self._optimizer = _optimizer(layers, self._head, settings)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda step: _rate(step, n_steps, settings.warm_up)
        )
        self.trained: list[nn.Parameter] = [
            each for part in self._optimizer.param_groups for each in part["params"]
        ]
        _set_dropout(layers, settings.dropout)

    def step(self, groups: Sequence[NDArray[np.int64]]) -> None:
        """Learn from some groups, each given by its arms."""
        _set_training(self._layers, to=True)
        self._optimizer.zero_grad()
        if own := self._process_group.share(groups):
            score, target, evidence = self._read(own)
            loss = (evidence * (score - target).square()).sum() / self._settings.groups_a_step
            loss.backward()  # type: ignore[no-untyped-call]
        self._process_group.add_gradients(self.trained)
        nn.utils.clip_grad_norm_(self.trained, self._settings.max_norm)
        self._optimizer.step()
        self._schedule.step()

    @torch.no_grad()
    def unexplained(self, groups: Sequence[NDArray[np.int64]]) -> float:
        """Return the share of the targets' variance on groups that scores leave unexplained.

        1 less the squared correlation, weighted by evidence: as for the probe's penalty, the
        scale of the scores does not matter, because calibration sets it later.
        """
        _set_training(self._layers, to=False)
        own, size = self._process_group.share(groups), self._settings.groups_a_step
        moments = torch.zeros(3, device=self._head.device)
        for at in range(0, len(own), size):
            score, target, evidence = self._read(own[at : at + size])
            products = torch.stack([score * target, score.square(), target.square()])
            moments += products @ evidence
        together, said, aim = self._process_group.total(moments).tolist()
        return 1 - max(together, 0.0) ** 2 / (said * aim) if said * aim != 0 else 1.0

    def finished(self) -> NDArray[np.float64]:
        """End the training and return the head, float64 (d,)."""
        _set_training(self._layers, to=False)
        return self._head.detach().cpu().numpy().astype(np.float64)

    def _read(self, groups: Sequence[NDArray[np.int64]]) -> tuple[Tensor, Tensor, Tensor]:
        """Return centred score, target and evidence of the arms of some groups."""
        batch, sizes = np.concatenate(groups), [len(group) for group in groups]
        rows = torch.from_numpy(batch).to(self._head.device)
        scores = _means(self._layers, self._states, batch) @ self._head
        return _center(scores, sizes), self._target[rows], self._evidence[rows]


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


def _set_dropout(layers: Sequence[nn.Module], dropout: float) -> None:
    for layer in layers:
        for module in layer.modules():
            if isinstance(module, nn.Dropout):
                module.p = dropout


def _set_training(layers: Sequence[nn.Module], *, to: bool) -> None:
    for layer in layers:
        layer.train(to)


def _batches(
    groups: Sequence[NDArray[np.int64]], settings: TuningSettings, rng: np.random.Generator
) -> Iterator[list[NDArray[np.int64]]]:
    """Yield some groups at a time, in a new order each epoch."""
    for _ in range(settings.epochs):
        order = rng.permutation(len(groups))
        for start in range(0, len(order), settings.groups_a_step):
            yield [groups[at] for at in order[start : start + settings.groups_a_step]]


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
    return means[torch.from_numpy(back).to(means.device)]


def _center(scores: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return the scores less the mean of their group; groups of these sizes stand in a row."""
    group = torch.from_numpy(np.repeat(np.arange(len(sizes)), sizes)).to(scores.device)
    sums = torch.zeros(len(sizes), device=scores.device).index_add(0, group, scores)
    means = sums / torch.tensor(sizes, device=scores.device)
    return scores - means[group]
