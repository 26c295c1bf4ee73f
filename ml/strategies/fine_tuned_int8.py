"""Fine-tuned network served from the int8 copy of its encoder, without torch."""

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
    """Restores a fine-tuned network on an int8 copy; it cannot be trained.

    Args:
        encoder: Unit means of the network.
    """

    encoder: Encoder
    name: str = "fine_tuned"
    is_transfer: bool = True

    def fit(self, arms: Arms, *, progress: Progress = no_progress) -> "FittedTunedCopy":
        """Raise an error: int8 weights cannot be trained.

        Args:
            arms: Ignored.
            progress: Ignored.

        Raises:
            EncoderError: Always.
        """
        raise EncoderError(f"encoder {self.encoder.name!r}: an int8 copy cannot be trained")

    def restore(self, parts: Parts) -> "FittedTunedCopy":
        """Return the stored head.

        Raises:
            EncoderError: If it was trained on another encoder.
        """
        parts.refuse_another(self.encoder)
        return FittedTunedCopy(encoder=self.encoder, head=parts.tensors["head"], stored=parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedTunedCopy:
    """A head on the unit means of an int8 copy.

    Args:
        encoder: Unit means of the network.
        head: Direction on them, float64 (d,).
        stored: Parts it was restored from.
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
        """Return the stored parts."""
        return self.stored
