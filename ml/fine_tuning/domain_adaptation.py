"""Unsupervised adaptation of an encoder to a site's copy, by contrastive learning (SimCSE)."""

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
    """A sentence-transformer with adapted weights.

    Args:
        encoder: The original encoder; its tokeniser is used.
        network: The adapted network.
        origin: Digest of the training that adapted it.
    """

    def __init__(self, encoder: SentenceEncoder, network: nn.Module, origin: str) -> None:
        self._encoder = encoder
        self._network = network
        self._origin = origin

    @property
    def name(self) -> str:
        """Name of the original encoder."""
        return self._encoder.name

    @property
    def fingerprint(self) -> str:
        """Digest of the original encoder and of the training that adapted it."""
        return hashlib.sha256(f"{self._encoder.fingerprint} {self._origin}".encode()).hexdigest()

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        return self._encoder.dimension

    def encode(
        self, texts: Sequence[str], *, progress: Progress = no_progress
    ) -> NDArray[np.float32]:
        """Return one unit vector per text, float32 (n, d)."""
        return encode_sorted(texts, self._encode, dimension=self.dimension, progress=progress)

    @torch.no_grad()
    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        vectors = [_read(self._encoder, self._network, batch).cpu().numpy() for batch in batches]
        return np.concatenate(vectors).astype(np.float32)


def adapt_encoder(
    encoder: SentenceEncoder, texts: Sequence[str], *, seed: int, epochs: int = 1
) -> AdaptedEncoder:
    """Adapt an encoder: pull two readings of a text together, push different texts apart.

    The two readings differ in the activations that dropout removes.

    Args:
        encoder: The encoder to adapt; its own weights do not change.
        texts: Unlabelled texts of the target, at least two of them different.
        seed: Seed of order and dropout, >= 0.
        epochs: Passes over the texts.

    Raises:
        ValueError: If there are fewer than two different texts.

    Source: SimCSE, unsupervised, Gao, Yao and Chen (2021), EMNLP, arXiv 2104.08821.
    """
    unique = sorted(set(texts))
    if len(unique) < 2:
        raise ValueError(f"texts: {len(unique)} different ones, two are needed")
    network = copy.deepcopy(encoder.network)
    network.requires_grad_(requires_grad=True)  # Other users of the layers may have frozen them.
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE)
    with seeded(seed, device_of([network])):
        network.train()
        for _ in range(epochs):
            order = rng.permutation(len(unique))
            for start in range(0, len(order) - 1, BATCH):
                batch = [unique[at] for at in order[start : start + BATCH]]
                views = [_read(encoder, network, batch) for _ in range(2)]
                loss = _contrast(*views)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
    network.train(mode=False)
    digest = hashlib.sha256("\n".join(unique).encode()).hexdigest()
    return AdaptedEncoder(encoder, network, f"simcse {seed} {epochs} {digest}")


def _read(encoder: SentenceEncoder, network: nn.Module, texts: list[str]) -> Tensor:
    device = device_of([network])
    inputs = {name: values.to(device) for name, values in encoder.preprocess(texts).items()}
    with fast_arithmetic(device):
        state = network(**inputs).last_hidden_state
    return unit_mean(state.float(), inputs["attention_mask"])


def _contrast(first: Tensor, second: Tensor) -> Tensor:
    """Return the loss of matching each text's first reading with its own second one."""
    similarity = first @ second.T / TEMPERATURE
    return nn.functional.cross_entropy(similarity, torch.arange(len(first), device=first.device))
