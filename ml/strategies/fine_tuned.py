"""Transfer of parameters: linear probe, then fine-tuning of the middle layers of an encoder."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import PreTrainedModel

from ml.dataset.groups import Arms, center_in_group
from ml.embedding import Progress, no_progress, within
from ml.encoder import SentenceEncoder, encode_sorted
from ml.strategies.contract import Parts
from ml.strategies.fine_tuning import Lesson, TuningSettings, prepare_lesson
from ml.strategies.network import (
    BATCH,
    States,
    lower_states,
    randomised,
    shortened,
    trainable_layers,
    upper_means,
)
from ml.strategies.ridge import ALPHAS, fit_ridge
from ml.strategies.together import Recipe, tune_network, tune_together
from ml.strategies.watching import Course

# Share of a fit in which what stays frozen is read.
PREPARING = 0.1


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
        n_processes: Processes that train together, each on a device of its own, >= 1.
        starts_random: The same network with random weights, embeddings included: what pretraining
            is worth. Its layers are all trained; the random embeddings stay.
    """

    encoder: SentenceEncoder
    settings: TuningSettings = field(default_factory=TuningSettings)
    seeds: tuple[int, ...] = (0, 1)
    alphas: tuple[float, ...] = ALPHAS
    adapter_rank: int = 0
    starts_random: bool = False
    n_processes: int = 1
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

    def fit(self, arms: Arms, *, progress: Progress = no_progress) -> "FittedTuned":
        """Probe, then tune once for each seed.

        Args:
            arms: Arms of the groups.
            progress: Told the fraction done.
        """
        probe = self._network(self.depth, self.n_frozen)
        states = lower_states(self.encoder, probe, arms.texts, n_frozen=self.n_frozen)
        means = read_out(trainable_layers(probe, self.n_frozen), states).astype(np.float64)
        features = center_in_group(means, arms.group)
        progress(PREPARING)
        members, share = [], (1 - PREPARING) / len(self.seeds)
        for number, seed in enumerate(self.seeds):
            lesson = prepare_lesson(arms, states, settings=self.settings, seed=seed)
            told = within(progress, PREPARING + number * share, share)
            members.append(self._tuned(self._probe(features, lesson), lesson, told))
        return FittedTuned(encoder=self.encoder, n_frozen=self.n_frozen, members=tuple(members))

    def restore(self, parts: Parts) -> "FittedTuned":
        """Return the networks whose trained layers were stored.

        Raises:
            EncoderError: If they were trained on another encoder.
        """
        parts.refuse_another(self.encoder)
        members, courses = [], parts.words.get("courses")
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
            head = parts.tensors[f"{number}.head"]
            course = Course(**courses[number]) if courses else None
            members.append(Member(network=network, head=head, course=course))
        return FittedTuned(
            encoder=self.encoder, n_frozen=parts.words["n_frozen"], members=tuple(members)
        )

    def _network(self, depth: int, n_frozen: int) -> PreTrainedModel:
        """Return the network before tuning; a random one is the same every time."""
        network = shortened(self.encoder.network, depth, n_shared=n_frozen)
        return randomised(network) if self.starts_random else network

    def _probe(self, features: NDArray[np.float64], lesson: Lesson) -> NDArray[np.float64]:
        """Return the ridge head on the untouched network: where tuning starts.

        It is not taught what is withheld either: a probe that had seen it would seem to be better
        than anything that tuning makes of it.
        """
        taught = lesson.taught[lesson.group]
        return fit_ridge(
            features[taught],
            lesson.target[taught],
            evidence=lesson.evidence[taught],
            group=lesson.group[taught],
            alphas=self.alphas,
        ).weights

    def _tuned(self, start: NDArray[np.float64], lesson: Lesson, progress: Progress) -> "Member":
        network = self._network(self.depth, self.n_frozen)
        recipe = Recipe(
            settings=self.settings, n_frozen=self.n_frozen, adapter_rank=self.adapter_rank
        )
        train = (
            tune_network
            if self.n_processes == 1
            else partial(tune_together, n_processes=self.n_processes)
        )
        tuned = train(network, start, lesson, recipe=recipe, progress=progress)
        _round_to_half(trainable_layers(network, self.n_frozen))
        return Member(network=network, head=tuned.head, course=tuned.course)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One trained network of an ensemble.

    Args:
        network: Shortened transformer with trained upper layers.
        head: Direction on its unit means, float64 (d,).
        course: How its training went; None if it was trained before that was written down.
    """

    network: PreTrainedModel
    head: NDArray[np.float64]
    course: Course | None


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
                tensors[f"{number}.layers.{name}"] = values.cpu().numpy().astype(np.float16)
        words = {
            "encoder": self.encoder.fingerprint,
            "depth": self.members[0].network.config.num_hidden_layers,
            "n_frozen": self.n_frozen,
            "members": len(self.members),
        }
        courses = [asdict(each.course) for each in self.members if each.course is not None]
        return Parts(tensors=tensors, words=words | ({"courses": courses} if courses else {}))

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
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    made = [upper_means(layers, [states.rows[at] for at in batch]) for batch in batches]
    means = np.empty((len(order), made[0].shape[1]), dtype=np.float32)
    means[order] = torch.cat(made).cpu().numpy()
    return means


def _round_to_half(layers: Sequence[nn.Module]) -> None:
    """Round weights to what is stored, so that a restored predictor gives the same scores."""
    with torch.no_grad():
        for layer in layers:
            for weights in layer.parameters():
                weights.copy_(weights.half())
