"""Interface of text encoders."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ml.progress import Progress, no_progress


class Encoder(Protocol):
    """Maps wordings to vectors."""

    @property
    def name(self) -> str:
        """Configured name, for display."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest that changes whenever equal texts could get different vectors."""
        ...

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        ...

    def encode(
        self, texts: Sequence[str], *, progress: Progress = no_progress
    ) -> NDArray[np.float32]:
        """Return one unit vector per text, float32 (n, d)."""
        ...


def layers_of(encoder: Encoder) -> Encoder | None:
    """Return an encoder that reads out every layer of this one; None if it has no layers.

    Args:
        encoder: Any encoder.

    >>> layers_of(object()) is None
    True
    """
    layers: Encoder | None = getattr(encoder, "layers", None)
    return layers
