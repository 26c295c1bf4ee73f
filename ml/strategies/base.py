"""Interface of the strategies, common to training, evaluation and scoring."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ml.dataset.contrast_groups import Arms
from ml.encoders.base import Encoder
from ml.errors import EncoderError
from ml.progress import Progress, no_progress

# One unit row per text: inner products are cosine likenesses.
Representation = NDArray[np.float32] | csr_array


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Stored state of a fitted strategy: enough to restore it, without code.

    Args:
        tensors: Arrays by name.
        words: JSON-able settings such as a vocabulary.
    """

    tensors: Mapping[str, NDArray[Any]]
    words: Mapping[str, Any]

    def refuse_another(self, encoder: Encoder) -> None:
        """Check that an encoder is the one that the strategy was trained on.

        Args:
            encoder: The available encoder; its fingerprint is compared with the one in `words`.

        Raises:
            EncoderError: If it is a different one.

        >>> from types import SimpleNamespace
        >>> other = SimpleNamespace(name="other", fingerprint="b" * 64)
        >>> parts = Parts(tensors={}, words={"encoder": "a" * 64})
        >>> parts.refuse_another(other)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ml.errors.EncoderError: encoder 'other': not the one the predictor was trained on ...
        """
        trained_on = self.words["encoder"]
        if trained_on != encoder.fingerprint:
            raise EncoderError(
                f"encoder {encoder.name!r}: not the one the predictor was trained on "
                f"(fingerprint {encoder.fingerprint[:12]}, not {trained_on[:12]})"
            )


class FittedStrategy(Protocol):
    """A strategy fitted to past tests."""

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return one score per text, float64 (n,): a predicted log click rate.

        Only differences between wordings of one placement are meaningful: the level is unknown.
        """
        ...

    def represent(self, texts: Sequence[str]) -> Representation | None:
        """Return the texts as unit rows (n, d) for likeness; None if the strategy reads no text."""
        ...

    def parts(self) -> Parts:
        """Return the state from which it can be restored."""
        ...


class Strategy(Protocol):
    """One way to learn scores of wordings from past tests."""

    @property
    def name(self) -> str:
        """Key of the strategy in manifests and results."""
        ...

    @property
    def is_transfer(self) -> bool:
        """True if it starts from a model pretrained on other data."""
        ...

    def fit(self, arms: Arms, *, progress: Progress = no_progress) -> FittedStrategy:
        """Fit to the arms of contrast groups; slow strategies report the fraction done."""
        ...

    def restore(self, parts: Parts) -> FittedStrategy:
        """Return the fitted strategy with the stored parts."""
        ...
