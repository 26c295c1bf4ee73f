"""Interface of text encoders."""

import hashlib
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


def languages_of(encoder: Encoder) -> tuple[str, ...]:
    """Return the tags of the languages that an encoder reads; none if unknown.

    Args:
        encoder: Any encoder, cached or not.

    >>> languages_of(object())
    ()
    """
    behind = getattr(encoder, "behind", encoder)
    return tuple(getattr(behind, "languages", ()))


def layers_fingerprint(fingerprint: str) -> str:
    """Return the fingerprint of the layers of an encoder.

    Args:
        fingerprint: That of the encoder.

    >>> len(layers_fingerprint("a"))
    64
    """
    # Stored; never rename.
    return hashlib.sha256(f"layers {fingerprint}".encode()).hexdigest()
