"""Fine-tuned networks that answer through the int8 copy of their encoder, without torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.dataset.groups import Arms
from ml.embedding import Encoder, EncoderError, Progress, no_progress
from ml.strategies.contract import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedCopy:
    """What restores fine-tuned networks on a copy; it cannot learn.

    Args:
        encoder: Unit means of every network, side by side.
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
        """Return the heads that were stored.

        Raises:
            EncoderError: If they were trained on another encoder.
        """
        parts.refuse_another(self.encoder)
        heads = [parts.tensors[f"{number}.head"] for number in range(parts.words["members"])]
        return FittedTunedCopy(encoder=self.encoder, heads=np.stack(heads), stored=parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedTunedCopy:
    """Heads on the copied means of their networks.

    Args:
        encoder: Unit means of every network, side by side.
        heads: Direction of each network, float64 (m, d).
        stored: What they were restored from.
    """

    encoder: Encoder
    heads: NDArray[np.float64]
    stored: Parts

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return predicted log click rates up to a constant, float64 (n,)."""
        means = self.encoder.encode(texts).reshape(len(texts), *self.heads.shape)
        return np.asarray(np.einsum("nmd,md->n", means, self.heads) / len(self.heads))

    def represent(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit means of the first network, float32 (n, d)."""
        return self.encoder.encode(texts)[:, : self.heads.shape[1]].copy()

    def parts(self) -> Parts:
        """Return what was stored."""
        return self.stored
