"""Transfer by representation: a ridge head on a frozen pretrained encoder."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import Arms, center_in_group
from ml.dataset.targets import centered_targets, evidence_weights
from ml.encoders.base import Encoder
from ml.progress import Progress, no_progress
from ml.strategies.base import Parts
from ml.strategies.ridge import ALPHAS, fit_ridge


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenHead:
    """Ridge on the embeddings of a frozen encoder; features and targets are centred by group.

    Args:
        encoder: Pretrained encoder; its weights never change.
        alphas: Ridge penalties to choose from, for evidence weights of mean 1.
    """

    encoder: Encoder
    alphas: tuple[float, ...] = ALPHAS
    name: str = "frozen_head"
    is_transfer: bool = True

    def fit(self, arms: Arms, *, progress: Progress = no_progress) -> "FittedHead":
        """Learn one direction of the embedding space from the differences inside groups.

        Args:
            arms: Arms of the groups.
            progress: Called with the fraction done.
        """
        vectors = self.encoder.encode(arms.texts, progress=progress).astype(np.float64)
        head = fit_ridge(
            center_in_group(vectors, arms.group),
            centered_targets(arms),
            evidence=evidence_weights(arms),
            group=arms.group,
            alphas=self.alphas,
        )
        return FittedHead(encoder=self.encoder, weights=head.weights, alpha=head.alpha)

    def restore(self, parts: Parts) -> "FittedHead":
        """Return the head with the stored weights.

        Raises:
            EncoderError: If it was trained on another encoder.
        """
        parts.refuse_another(self.encoder)
        return FittedHead(
            encoder=self.encoder, weights=parts.tensors["weights"], alpha=parts.words["alpha"]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedHead:
    """An encoder and the direction fitted on top of it.

    Args:
        encoder: The encoder the head was trained on.
        weights: Direction, float64 (d,).
        alpha: Ridge penalty of the fit.
    """

    encoder: Encoder
    weights: NDArray[np.float64]
    alpha: float

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return predicted log click rates up to a constant, float64 (n,)."""
        return np.asarray(self.encoder.encode(texts) @ self.weights)

    def represent(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit vectors of the encoder, float32 (n, d)."""
        return self.encoder.encode(texts)

    def parts(self) -> Parts:
        """Return the weights and the encoder's fingerprint."""
        return Parts(
            tensors={"weights": self.weights},
            words={"encoder": self.encoder.fingerprint, "alpha": self.alpha},
        )
