"""An encoder adapted to the copy of a site without any label: contrastive learning on itself."""

import copy
import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.encoders.devices import fast_arithmetic
from ml.encoders.sentence_encoder import SentenceEncoder, encode_sorted, unit_mean
from ml.fine_tuning.transformer_layers import device_of, seeded
from ml.progress import Progress, no_progress

BATCH = 64
TEMPERATURE = 0.05
RATE = 3e-5


class AdaptedEncoder:
    """A sentence-transformer whose network was changed.

    Args:
        encoder: Where it came from; its tokeniser is kept.
        network: The changed network.
        origin: Digest of what changed it.
    """

    def __init__(self, encoder: SentenceEncoder, network: nn.Module, origin: str) -> None:
        self._encoder = encoder
        self._network = network
        self._origin = origin

    @property
    def name(self) -> str:
        """Name of the encoder it came from."""
        return self._encoder.name

    @property
    def fingerprint(self) -> str:
        """Digest of the encoder it came from and of what changed it."""
        return hashlib.sha256(f"{self._encoder.fingerprint} {self._origin}".encode()).hexdigest()

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        return self._encoder.dimension

    def encode(
        self, texts: Sequence[str], *, progress: Progress = no_progress
    ) -> NDArray[np.float32]:
        """Return one unit vector a text, float32 (n, d)."""
        return encode_sorted(texts, self._encode, dimension=self.dimension, progress=progress)

    @torch.no_grad()
    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        made = [_read(self._encoder, self._network, batch).cpu().numpy() for batch in batches]
        return np.concatenate(made).astype(np.float32)


def adapt_encoder(
    encoder: SentenceEncoder, texts: Sequence[str], *, seed: int, epochs: int = 1
) -> AdaptedEncoder:
    """Return an encoder for which two readings of a text are alike, and those of two texts apart.

    Two readings differ by the activations that are left out at random.

    Args:
        encoder: Its own weights do not change.
        texts: Unlabelled texts of the target, at least two different ones.
        seed: Seed of order and dropout, >= 0.
        epochs: Passes over the texts.

    Raises:
        ValueError: If there are fewer than two different texts.

    Source: SimCSE, unsupervised, Gao, Yao and Chen (2021), EMNLP, arXiv 2104.08821.
    """
    different = sorted(set(texts))
    if len(different) < 2:
        raise ValueError(f"texts: {len(different)} different ones, two are needed")
    network = copy.deepcopy(encoder.network)
    network.requires_grad_(requires_grad=True)  # Whoever shares the encoder's layers froze them.
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE)
    with seeded(seed, device_of([network])):
        network.train()
        for _ in range(epochs):
            order = rng.permutation(len(different))
            for start in range(0, len(order) - 1, BATCH):
                batch = [different[at] for at in order[start : start + BATCH]]
                views = [_read(encoder, network, batch) for _ in range(2)]
                loss = _contrast(*views)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
    network.train(mode=False)
    digest = hashlib.sha256("\n".join(different).encode()).hexdigest()
    return AdaptedEncoder(encoder, network, f"simcse {seed} {epochs} {digest}")


def _read(encoder: SentenceEncoder, network: nn.Module, texts: list[str]) -> Tensor:
    device = device_of([network])
    inputs = {name: values.to(device) for name, values in encoder.preprocess(texts).items()}
    with fast_arithmetic(device):
        state = network(**inputs).last_hidden_state
    return unit_mean(state.float(), inputs["attention_mask"])


def _contrast(first: Tensor, second: Tensor) -> Tensor:
    """Return the loss of telling, for each text, its second reading from those of others."""
    alike = first @ second.T / TEMPERATURE
    return nn.functional.cross_entropy(alike, torch.arange(len(first), device=first.device))
