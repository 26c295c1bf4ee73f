"""A fine-tuned network that answers through the int8 copy of its encoder, without torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import Arms
from ml.encoders.base import Encoder
from ml.errors import EncoderError
from ml.progress import Progress, no_progress
from ml.strategies.base import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedCopy:
    """What restores a fine-tuned network on a copy; it cannot learn.

    Args:
        encoder: Unit means of the network.
    """

    encoder: Encoder
    name: str = "fine_tuned"
    is_transfer: bool = True

    def fit(self, arms: Arms, *, progress: Progress = no_progress) -> "FittedTunedCopy":
        """Refuse: weights of eight bits cannot be trained.

        Args:
            arms: Of no matter.
            progress: Of no matter.

        Raises:
            EncoderError: Always.
        """
        raise EncoderError(f"encoder {self.encoder.name!r}: an int8 copy cannot be trained")

    def restore(self, parts: Parts) -> "FittedTunedCopy":
        """Return the head that was stored.

        Raises:
            EncoderError: If it was trained on another encoder.
        """
        parts.refuse_another(self.encoder)
        return FittedTunedCopy(encoder=self.encoder, head=parts.tensors["head"], stored=parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedTunedCopy:
    """A head on the copied means of its network.

    Args:
        encoder: Unit means of the network.
        head: Direction on them, float64 (d,).
        stored: What it was restored from.
    """

    encoder: Encoder
    head: NDArray[np.float64]
    stored: Parts

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return predicted log click rates up to a constant, float64 (n,)."""
        return np.asarray(self.encoder.encode(texts) @ self.head)

    def represent(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit means of the network, float32 (n, d)."""
        return self.encoder.encode(texts)

    def parts(self) -> Parts:
        """Return what was stored."""
        return self.stored
