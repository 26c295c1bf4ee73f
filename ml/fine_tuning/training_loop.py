"""Training loop of a pretrained network: its upper layers, from a linear probe on."""

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

# Texts read at a time within a step; those of similar length go together.
PART = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningSettings:
    """Settings of the training of the upper layers.

    Args:
        epochs: Passes over the groups, >= 1.
        groups_a_step: Groups a step, >= 1.
        body_rate: Largest learning rate of the top layer; each lower one's is `decay` times it.
        head_rate: Largest learning rate of the head.
        decay: Learning rate of a layer over that of the one above it, in (0, 1].
        warm_up: Share of the steps in which the rates rise; they fall linearly after, in (0, 1).
        dropout: Share of activations left out in training, in [0, 1).
        weight_decay: Weight decay of the layers, >= 0.
        anchor: Strength of the pull of the layers towards their weights before the training, >= 0;
            like weight decay, a step moves them by the learning rate times this share of the way.
        max_norm: Length to which gradients are clipped, > 0.
        watched: Share of the groups used for early stopping, in [0, 1).
        withheld: True if these are excluded from training, so that it stops when it no longer
            generalises. Otherwise they are trained on as well and only guard against divergence.
            On the Upworthy archive two epochs on everything do no worse than the best moment of
            two epochs on nine tenths: docs/prediction.md.
        looks: Evaluations per epoch, >= 1.
        patience: Evaluations without a lower loss after which to stop, >= 1.
    """

    epochs: int = 2
    groups_a_step: int = 16
    body_rate: float = 2e-4
    head_rate: float = 1e-3
    decay: float = 1.0
    warm_up: float = 0.1
    dropout: float = 0.1
    weight_decay: float = 0.01
    anchor: float = 0.0
    max_norm: float = 1.0
    watched: float = 0.1
    withheld: bool = False
    looks: int = 4
    patience: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """Input, targets and weights of a training.

    Args:
        states: Input of the lowest trained layer for each arm.
        group: Group of each arm, int64 (n,), not decreasing, no gaps.
        target: Centred log click rate of each arm, float64 (n,).
        evidence: Weight of each arm, float64 (n,).
        watched: Groups used for early stopping, bool (g,).
        taught: Groups trained on, bool (g,).
        seed: Seed of order and dropout, >= 0.
    """

    states: States
    group: NDArray[np.int64]
    target: NDArray[np.float64]
    evidence: NDArray[np.float64]
    watched: NDArray[np.bool_]
    taught: NDArray[np.bool_]
    seed: int

    def members(self, selected: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
        """Return the arms of each selected group."""
        arms = np.split(np.arange(len(self.group)), np.flatnonzero(np.diff(self.group)) + 1)
        return [arms[group] for group in np.flatnonzero(selected)]


def prepare_training_data(
    arms: Arms, states: States, *, settings: TuningSettings, seed: int
) -> TrainingData:
    """Return the data of a training, with its early-stopping groups.

    Args:
        arms: Arms of the groups.
        states: Output of the frozen layers for each arm.
        settings: Training settings, among them the share of early-stopping groups.
        seed: Seed of the training, >= 0; it also selects the early-stopping groups.
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
    """Result of a training, apart from the layers that it changed in place.

    Args:
        head: Direction on the unit means, float64 (d,).
        trace: Record of the training.
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

    The loss is the head's: squared error of the score, centred in its group, against the
    centred log click rate, weighted by evidence. On the Upworthy archive it did better than the
    conditional multinomial likelihood of the clicks, in which tests with very many clicks drown
    the others. With early-stopping groups, the weights with the lowest loss on them are kept, the
    probe's among them, and training stops when the loss no longer falls.

    Args:
        layers: The trained layers, lowest first.
        head: Direction to start from, float64 (d,): a linear probe.
        training_data: The training data.
        settings: Training settings.
        process_group: Processes that train them; each calls this function, on equal layers.
        progress: Called with the fraction of the steps done.

    Source: linear probe, then fine-tuning: Kumar et al. (2022), ICLR, arXiv 2202.10054.
    Discriminative learning rates: Howard and Ruder (2018), ACL. Early stopping: Prechelt (1998),
    "Early stopping, but when?", Neural Networks: Tricks of the Trade. Pull towards the start
    (L2-SP): Li, Grandvalet and Davoine (2018), ICML, arXiv 1802.01483, decoupled from the
    gradient like the weight decay of AdamW.
    """
    training_groups, validation_groups = (
        training_data.members(training_data.taught),
        training_data.members(training_data.watched),
    )
    steps_an_epoch = -(-len(training_groups) // settings.groups_a_step)
    n_steps, steps_per_look = settings.epochs * steps_an_epoch, -(-steps_an_epoch // settings.looks)
    learner = Learner(
        layers, head, training_data, settings=settings, n_steps=n_steps, process_group=process_group
    )
    stopping = EarlyStopping(learner.trained, patience=settings.patience)
    n_taken = 0
    # Each process should drop different activations.
    with seeded(training_data.seed + (process_group.rank << 32), device_of(layers)):
        if validation_groups:
            stopping.note(0, learner.unexplained(validation_groups))
        for groups in _batches(
            training_groups, settings, np.random.default_rng(training_data.seed)
        ):
            learner.step(groups)
            n_taken += 1
            if n_taken % steps_per_look and n_taken < n_steps:
                continue
            progress(n_taken / n_steps)
            if validation_groups and not stopping.note(
                n_taken, learner.unexplained(validation_groups)
            ):
                break
    progress(1.0)
    stopping.restore()
    trace = TrainingTrace(
        seed=training_data.seed,
        planned=n_steps,
        taken=n_taken,
        kept=stopping.kept if validation_groups else n_taken,
        watched=len(validation_groups),
        withheld=settings.withheld and bool(validation_groups),
        loss_before=stopping.losses[0] if validation_groups else None,
        loss=stopping.loss,
    )
    return Tuned(head=learner.finish(), trace=trace)


class Learner:
    """Layers and a head, trained step by step.

    Args:
        layers: The trained layers, lowest first.
        head: Direction to start from, float64 (d,).
        training_data: The training data.
        settings: Training settings.
        n_steps: Number of steps; the learning rate falls to 0 at the last one.
        process_group: Processes that train the same weights.
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
        self._start = [each.detach().clone() for each in self.trained] if settings.anchor else []
        _set_dropout(layers, settings.dropout)

    def step(self, groups: Sequence[NDArray[np.int64]]) -> None:
        """Take one step on some groups, each given by its arms."""
        _set_training(self._layers, to=True)
        self._optimizer.zero_grad()
        if share := self._process_group.share(groups):
            score, target, evidence = self._read(share)
            loss = (evidence * (score - target).square()).sum() / self._settings.groups_a_step
            loss.backward()  # type: ignore[no-untyped-call]
        self._process_group.add_gradients(self.trained)
        nn.utils.clip_grad_norm_(self.trained, self._settings.max_norm)
        self._optimizer.step()
        self._pull()
        self._schedule.step()

    @torch.no_grad()
    def _pull(self) -> None:
        """Move the layers, not the head, a little towards their weights before the training."""
        if not self._start:
            return
        start = iter(self._start)
        for part in self._optimizer.param_groups:
            pull = min(1.0, part["lr"] * self._settings.anchor)
            for weight in part["params"]:
                before = next(start)
                if weight is not self._head:
                    weight.lerp_(before, pull)

    @torch.no_grad()
    def unexplained(self, groups: Sequence[NDArray[np.int64]]) -> float:
        """Return the share of the targets' variance on groups that scores leave unexplained.

        1 less the squared correlation, weighted by evidence: as for the probe's penalty, the
        scale of the scores does not matter, because calibration sets it later.
        """
        _set_training(self._layers, to=False)
        share, size = self._process_group.share(groups), self._settings.groups_a_step
        moments = torch.zeros(3, device=self._head.device)
        for at in range(0, len(share), size):
            score, target, evidence = self._read(share[at : at + size])
            products = torch.stack([score * target, score.square(), target.square()])
            moments += products @ evidence
        product, score_square, target_square = self._process_group.total(moments).tolist()
        scale = score_square * target_square
        return 1 - max(product, 0.0) ** 2 / scale if scale != 0 else 1.0

    def finish(self) -> NDArray[np.float64]:
        """End the training and return the head, float64 (d,)."""
        _set_training(self._layers, to=False)
        return self._head.detach().cpu().numpy().astype(np.float64)

    def _read(self, groups: Sequence[NDArray[np.int64]]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the centred scores, targets and evidence of the arms of some groups."""
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
        parameters = [weight for weight in layer.parameters() if weight.requires_grad]
        parts.append({"params": parameters, "lr": rate, "weight_decay": settings.weight_decay})
    return torch.optim.AdamW(parts)


def _rate(step: int, n_steps: int, warm_up: float) -> float:
    """Return the learning rate at a step, as a share of the largest."""
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
    """Yield batches of groups, in a new order each epoch."""
    for _ in range(settings.epochs):
        order = rng.permutation(len(groups))
        for start in range(0, len(order), settings.groups_a_step):
            yield [groups[at] for at in order[start : start + settings.groups_a_step]]


def _means(layers: Sequence[nn.Module], states: States, rows: NDArray[np.int64]) -> Tensor:
    """Return the means of some rows, computed in parts of one size and similar lengths.

    An incomplete part is filled with the shortest text: repeated shapes reuse their kernels and
    memory.
    """
    order = sorted(range(len(rows)), key=lambda at: len(states.rows[rows[at]]))
    filler = [order[0]] * (-len(order) % PART)
    ordered_rows = [states.rows[rows[at]] for at in (*filler, *order)]
    means = torch.cat(
        [
            upper_means(layers, ordered_rows[start : start + PART])
            for start in range(0, len(ordered_rows), PART)
        ]
    )
    positions = np.argsort(order) + len(filler)
    return means[torch.from_numpy(positions).to(means.device)]


def _center(scores: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return the scores less the mean of their group; the groups are contiguous."""
    group = torch.from_numpy(np.repeat(np.arange(len(sizes)), sizes)).to(scores.device)
    sums = torch.zeros(len(sizes), device=scores.device).index_add(0, group, scores)
    means = sums / torch.tensor(sizes, device=scores.device)
    return scores - means[group]
