"""Transfer of parameters: linear probe, then fine-tuning of the middle layers of an encoder."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import PreTrainedModel

from ml.dataset.contrast_groups import Arms, center_in_group
from ml.encoders.sentence_encoder import SentenceEncoder, encode_sorted
from ml.fine_tuning.early_stopping import TrainingTrace
from ml.fine_tuning.multi_process import LAYERS, TuningPlan, tune_network, tune_together
from ml.fine_tuning.training_loop import TrainingData, Tuned, TuningSettings, prepare_training_data
from ml.fine_tuning.transformer_layers import (
    BATCH,
    States,
    lower_states,
    randomised,
    shortened,
    trainable_layers,
    upper_means,
)
from ml.progress import Progress, no_progress, within
from ml.strategies.base import Parts
from ml.strategies.ridge import ALPHAS, fit_ridge
from ml.tensors import below

# Share of a fit spent on running the frozen layers.
PREPARING = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuned:
    """The lower two thirds of an encoder, the upper half of which is trained.

    The last layers are dropped: they were trained to separate topics. Embeddings and lowest
    layers keep their weights, so their output for a text is computed once. Several trainings from
    one start end near each other: the mean of their weights scores like the mean of their scores,
    at the cost of one network.

    Args:
        encoder: Pretrained encoder of the BERT family; its own weights never change.
        settings: Settings of the training of the layers.
        seeds: Seeds, one network each; their weights are averaged.
        pretrained_share: Share of the pretrained network, under its linear probe, in the mean of
            the weights, in [0, 1): tuning changes what the encoder knows by the rest (WiSE-FT).
        trained: Upper layers that are trained; None: half of those used.
        alphas: Ridge penalties of the probe to choose from.
        adapter_rank: Rank of low-rank adapters that are trained in place of the layers (LoRA, Hu
            et al. 2022, ICLR) and then merged into them; 0 trains the layers themselves.
        n_processes: Processes that train together, one per device, >= 1.
        starts_random: True to start from random weights, embeddings included, which measures the
            value of pretraining. All layers are then trained; the random embeddings stay.

    Source: averaged weights: Wortsman et al. (2022), "Model soups", ICML, arXiv 2203.05482; with
    the pretrained ones: Wortsman et al. (2022), "Robust fine-tuning of zero-shot models", CVPR,
    arXiv 2109.01903.
    """

    encoder: SentenceEncoder
    settings: TuningSettings = field(default_factory=TuningSettings)
    seeds: tuple[int, ...] = (0, 1)
    pretrained_share: float = 0.0
    trained: int | None = None
    alphas: tuple[float, ...] = ALPHAS
    adapter_rank: int = 0
    starts_random: bool = False
    n_processes: int = 1
    name: str = "fine_tuned"

    @property
    def is_transfer(self) -> bool:
        """True if it starts from pretrained weights."""
        return not self.starts_random

    @property
    def depth(self) -> int:
        """Number of layers used, counted from below."""
        return max(1, round(2 / 3 * int(self.encoder.network.config.num_hidden_layers)))

    @property
    def n_frozen(self) -> int:
        """Number of layers that keep their weights, counted from below."""
        if self.starts_random:
            return 0
        trained = self.depth - self.depth // 2 if self.trained is None else self.trained
        return max(0, self.depth - trained)

    def fit(self, arms: Arms, *, progress: Progress = no_progress) -> "FittedTuned":
        """Fit the probe, then tune once per seed.

        Args:
            arms: Arms of the groups.
            progress: Called with the fraction done.
        """
        network, states, features = self._read_out(arms)
        progress(PREPARING)
        share = (1 - PREPARING) / len(self.seeds)
        members, heads = [], []
        for number, seed in enumerate(self.seeds):
            training_data = prepare_training_data(arms, states, settings=self.settings, seed=seed)
            part = within(progress, PREPARING + number * share, share)
            heads.append(self._probe(features, training_data))
            members.append(self._tuned(heads[-1], training_data, part))
        pretrained = self._fitted(network, np.mean(heads, axis=0))
        tuned_share = (1 - self.pretrained_share) / len(members)
        weights = [self.pretrained_share, *[tuned_share] * len(members)]
        return average_networks([pretrained, *members], weights=weights)

    def fit_probe(self, arms: Arms) -> "FittedTuned":
        """Return the pretrained network under its linear probe: what every tuning starts from.

        Args:
            arms: Arms of the groups.
        """
        network, states, features = self._read_out(arms)
        training_data = prepare_training_data(arms, states, settings=self.settings, seed=0)
        return self._fitted(network, self._probe(features, training_data))

    def restore(self, parts: Parts) -> "FittedTuned":
        """Return the network with the stored layers.

        Raises:
            EncoderError: If they were trained on another encoder.
        """
        parts.refuse_another(self.encoder)
        n_frozen = parts.words["n_frozen"]
        network = self._network(parts.words["depth"], n_frozen)
        layers = nn.ModuleList(trainable_layers(network, n_frozen))
        stored = {
            name: torch.from_numpy(values.astype(np.float32))
            for name, values in below(LAYERS, parts.tensors).items()
        }
        layers.load_state_dict(dict(layers.named_buffers()) | stored)
        return FittedTuned(
            encoder=self.encoder,
            n_frozen=n_frozen,
            network=network,
            head=parts.tensors["head"],
            traces=tuple(TrainingTrace(**trace) for trace in parts.words["courses"]),
        )

    def _read_out(self, arms: Arms) -> tuple[PreTrainedModel, States, NDArray[np.float64]]:
        """Return the network before tuning, what its layers read, and its centred unit means."""
        network = self._network(self.depth, self.n_frozen)
        states = lower_states(self.encoder, network, arms.texts, n_frozen=self.n_frozen)
        means = read_out(trainable_layers(network, self.n_frozen), states).astype(np.float64)
        return network, states, center_in_group(means, arms.group)

    def _fitted(
        self, network: PreTrainedModel, head: NDArray[np.float64], *traces: TrainingTrace
    ) -> "FittedTuned":
        return FittedTuned(
            encoder=self.encoder,
            n_frozen=self.n_frozen,
            network=network,
            head=head,
            traces=traces,
        )

    def _network(self, depth: int, n_frozen: int) -> PreTrainedModel:
        """Return the network before tuning; random weights are the same every time."""
        network = shortened(self.encoder.network, depth, n_shared=n_frozen)
        return randomised(network) if self.starts_random else network

    def _probe(
        self, features: NDArray[np.float64], training_data: TrainingData
    ) -> NDArray[np.float64]:
        """Return the ridge head on the untuned network, the start of the tuning.

        It is not fitted to withheld groups either: otherwise its loss on them would be too low
        for any tuning to beat.
        """
        taught = training_data.taught[training_data.group]
        return fit_ridge(
            features[taught],
            training_data.target[taught],
            evidence=training_data.evidence[taught],
            group=training_data.group[taught],
            alphas=self.alphas,
        ).weights

    def _tuned(
        self, start: NDArray[np.float64], training_data: TrainingData, progress: Progress
    ) -> "FittedTuned":
        network = self._network(self.depth, self.n_frozen)
        plan = TuningPlan(
            settings=self.settings, n_frozen=self.n_frozen, adapter_rank=self.adapter_rank
        )
        train = (
            tune_network
            if self.n_processes == 1
            else partial(tune_together, n_processes=self.n_processes)
        )
        tuned: Tuned = train(network, start, training_data, plan=plan, progress=progress)
        return self._fitted(network, tuned.head, tuned.trace)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedTuned:
    """A trained network.

    Args:
        encoder: The original encoder; tokeniser and lowest layers are shared with it.
        n_frozen: Layers shared with the encoder, counted from below.
        network: Shortened transformer with trained upper layers.
        head: Direction on its unit means, float64 (d,).
        traces: Records of the averaged trainings.
    """

    encoder: SentenceEncoder
    n_frozen: int
    network: PreTrainedModel
    head: NDArray[np.float64]
    traces: tuple[TrainingTrace, ...]

    @property
    def layers(self) -> list[nn.Module]:
        """The trained layers, lowest first."""
        return trainable_layers(self.network, self.n_frozen)

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return predicted log click rates up to a constant, float64 (n,)."""
        return np.asarray(self.represent(texts) @ self.head)

    def represent(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit means of the network, float32 (n, d)."""
        return encode_sorted(texts, self._read, dimension=len(self.head), progress=no_progress)

    def parts(self) -> Parts:
        """Return the trained layers in half precision, the head, and the encoder's fingerprint."""
        weights = nn.ModuleList(self.layers).named_parameters()
        halves = {
            name: weight.detach().cpu().numpy().astype(np.float16) for name, weight in weights
        }
        return Parts(
            tensors={"head": self.head} | {LAYERS + name: half for name, half in halves.items()},
            # Stored; never rename.
            words={
                "encoder": self.encoder.fingerprint,
                "depth": self.network.config.num_hidden_layers,
                "n_frozen": self.n_frozen,
                "courses": [asdict(trace) for trace in self.traces],
            },
        )

    def _read(self, texts: list[str]) -> NDArray[np.float32]:
        states = lower_states(self.encoder, self.network, texts, n_frozen=self.n_frozen)
        return read_out(self.layers, states)


@torch.no_grad()
def average_networks(members: Sequence[FittedTuned], *, weights: Sequence[float]) -> FittedTuned:
    """Return one network with the weighted mean of the weights of several.

    Args:
        members: Networks tuned from one start, and the start itself with its linear probe.
        weights: Weight of each, >= 0, sum 1.

    Returns:
        The mean in stored precision, so that a restored predictor scores the same.
    """
    first = members[0]
    depth, n_frozen = first.network.config.num_hidden_layers, first.n_frozen
    network = shortened(first.network, depth, n_shared=n_frozen)
    states = [nn.ModuleList(member.layers).state_dict() for member in members]
    for name, mean in nn.ModuleList(trainable_layers(network, n_frozen)).named_parameters():
        parts = [weight * state[name] for weight, state in zip(weights, states, strict=True)]
        mean.copy_(torch.stack(parts).sum(dim=0).half())
    return FittedTuned(
        encoder=first.encoder,
        n_frozen=n_frozen,
        network=network,
        head=np.average([member.head for member in members], axis=0, weights=weights),
        traces=tuple(trace for member in members for trace in member.traces),
    )


@torch.no_grad()
def read_out(layers: Sequence[nn.Module], states: States) -> NDArray[np.float32]:
    """Return the unit means of texts from their lower states, float32 (n, d).

    Args:
        layers: The layers above the frozen ones.
        states: Lower states of at least one text.
    """
    order = np.argsort([len(row) for row in states.rows], kind="stable")
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    outputs = [upper_means(layers, [states.rows[at] for at in batch]) for batch in batches]
    means = np.empty((len(order), outputs[0].shape[1]), dtype=np.float32)
    means[order] = torch.cat(outputs).cpu().numpy()
    return means
