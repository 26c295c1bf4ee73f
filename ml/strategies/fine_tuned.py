"""Transfer of parameters: linear probe, then fine-tuning of the middle layers of an encoder."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import PreTrainedModel

from ml.dataset.groups import Arms, center_in_group
from ml.embedding import no_progress
from ml.encoder import SentenceEncoder, encode_sorted
from ml.strategies.contract import Parts
from ml.strategies.fine_tuning import TuningSettings, tune
from ml.strategies.network import (
    BATCH,
    States,
    adapted,
    lower_states,
    randomised,
    shortened,
    trainable_layers,
    upper_means,
)
from ml.strategies.ridge import ALPHAS, fit_ridge
from ml.strategies.targets import centered_targets, evidence_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuned:
    """The lower two thirds of an encoder, the upper half of which is trained.

    The last layers are left away: they were trained to tell topics apart. Embeddings and lowest
    layers keep their weights, so what they make of a text is computed once.

    Args:
        encoder: Pretrained encoder of the BERT family; its own weights never change.
        settings: How the layers are trained.
        seeds: One network is trained for each; their scores are averaged.
        alphas: Ridge penalties of the probe to choose from.
        adapter_rank: Rank of low-rank adapters that are trained in the layers' stead (LoRA, Hu et
            al. 2022, ICLR) and then merged into them; 0 trains the layers themselves.
        starts_random: The same network with random weights, embeddings included: what pretraining
            is worth. Its layers are all trained; the random embeddings stay.
    """

    encoder: SentenceEncoder
    settings: TuningSettings = field(default_factory=TuningSettings)
    seeds: tuple[int, ...] = (0, 1)
    alphas: tuple[float, ...] = ALPHAS
    adapter_rank: int = 0
    starts_random: bool = False
    name: str = "fine_tuned"

    @property
    def is_transfer(self) -> bool:
        """Whether it starts from pretrained weights."""
        return not self.starts_random

    @property
    def depth(self) -> int:
        """Layers that are used, counted from below."""
        return max(1, round(2 / 3 * int(self.encoder.network.config.num_hidden_layers)))

    @property
    def n_frozen(self) -> int:
        """Layers that keep their weights, counted from below."""
        return 0 if self.starts_random else self.depth // 2

    def fit(self, arms: Arms) -> "FittedTuned":
        """Probe, then tune once for each seed.

        Args:
            arms: Arms of the groups.
        """
        probe = self._network(self.depth, self.n_frozen)
        states = lower_states(self.encoder, probe, arms.texts, n_frozen=self.n_frozen)
        start = self._probe(probe, states, arms)
        members = tuple(self._tuned(seed, start, states, arms) for seed in self.seeds)
        return FittedTuned(encoder=self.encoder, n_frozen=self.n_frozen, members=members)

    def restore(self, parts: Parts) -> "FittedTuned":
        """Return the networks whose trained layers were stored.

        Raises:
            EncoderError: If they were trained on another encoder.
        """
        parts.refuse_another(self.encoder)
        members = []
        for number in range(parts.words["members"]):
            network = self._network(parts.words["depth"], parts.words["n_frozen"])
            layers = nn.ModuleList(trainable_layers(network, parts.words["n_frozen"]))
            prefix = f"{number}.layers."
            layers.load_state_dict(
                {
                    name.removeprefix(prefix): torch.from_numpy(values.astype(np.float32))
                    for name, values in parts.tensors.items()
                    if name.startswith(prefix)
                }
            )
            layers.eval()
            members.append(Member(network=network, head=parts.tensors[f"{number}.head"]))
        return FittedTuned(
            encoder=self.encoder, n_frozen=parts.words["n_frozen"], members=tuple(members)
        )

    def _network(self, depth: int, n_frozen: int) -> PreTrainedModel:
        """Return the network before tuning; a random one is the same every time."""
        network = shortened(self.encoder.network, depth, n_shared=n_frozen)
        return randomised(network) if self.starts_random else network

    def _tuned(self, seed: int, start: NDArray[np.float64], states: States, arms: Arms) -> "Member":
        network = self._network(self.depth, self.n_frozen)
        layers = trainable_layers(network, self.n_frozen)
        if self.adapter_rank:
            with adapted(network, rank=self.adapter_rank, n_frozen=self.n_frozen, seed=seed):
                head = tune(layers, start, states, arms, settings=self.settings, seed=seed)
        else:
            head = tune(layers, start, states, arms, settings=self.settings, seed=seed)
        _round_to_half(layers)
        return Member(network=network, head=head)

    def _probe(self, network: PreTrainedModel, states: States, arms: Arms) -> NDArray[np.float64]:
        """Return the ridge head on the untouched network: where tuning starts."""
        means = read_out(trainable_layers(network, self.n_frozen), states)
        return fit_ridge(
            center_in_group(means.astype(np.float64), arms.group),
            centered_targets(arms),
            evidence=evidence_weights(arms),
            group=arms.group,
            alphas=self.alphas,
        ).weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One trained network of an ensemble.

    Args:
        network: Shortened transformer with trained upper layers.
        head: Direction on its unit means, float64 (d,).
    """

    network: PreTrainedModel
    head: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedTuned:
    """Trained networks on common frozen layers.

    Args:
        encoder: The encoder they come from; its tokeniser is theirs.
        n_frozen: Layers that all of them share.
        members: At least one.
    """

    encoder: SentenceEncoder
    n_frozen: int
    members: tuple[Member, ...]

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return predicted log click rates up to a constant, float64 (n,)."""
        heads = np.stack([member.head for member in self.members])
        means = self._means(texts).reshape(len(texts), *heads.shape)
        return np.asarray(np.einsum("nmd,md->n", means, heads) / len(self.members))

    def represent(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit means of the first network, float32 (n, d)."""
        return self._means(texts)[:, : len(self.members[0].head)].copy()

    def parts(self) -> Parts:
        """Return the trained layers, in half precision, the heads, and where they belong."""
        tensors: dict[str, NDArray[np.floating]] = {}
        for number, member in enumerate(self.members):
            tensors[f"{number}.head"] = member.head
            layers = nn.ModuleList(trainable_layers(member.network, self.n_frozen))
            for name, values in layers.state_dict().items():
                tensors[f"{number}.layers.{name}"] = values.numpy().astype(np.float16)
        words = {
            "encoder": self.encoder.fingerprint,
            "depth": self.members[0].network.config.num_hidden_layers,
            "n_frozen": self.n_frozen,
            "members": len(self.members),
        }
        return Parts(tensors=tensors, words=words)

    def _means(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit means of all networks side by side, float32 (n, members * d)."""
        dimension = sum(len(member.head) for member in self.members)
        return encode_sorted(texts, self._read, dimension=dimension, progress=no_progress)

    def _read(self, texts: list[str]) -> NDArray[np.float32]:
        first = self.members[0].network
        states = lower_states(self.encoder, first, texts, n_frozen=self.n_frozen)
        return np.concatenate(
            [
                read_out(trainable_layers(member.network, self.n_frozen), states)
                for member in self.members
            ],
            axis=1,
        )


@torch.no_grad()
def read_out(layers: Sequence[nn.Module], states: States) -> NDArray[np.float32]:
    """Return the unit means of texts whose lower states are known, float32 (n, d).

    Args:
        layers: The layers above the frozen ones.
        states: Of at least one text.
    """
    order = np.argsort([len(row) for row in states.rows], kind="stable")
    made = np.concatenate(
        [
            upper_means(layers, [states.rows[at] for at in order[start : start + BATCH]]).numpy()
            for start in range(0, len(order), BATCH)
        ]
    )
    means = np.empty_like(made)
    means[order] = made
    return means


def _round_to_half(layers: Sequence[nn.Module]) -> None:
    """Round weights to what is stored, so that a restored predictor gives the same scores."""
    with torch.no_grad():
        for layer in layers:
            for weights in layer.parameters():
                weights.copy_(weights.half())
