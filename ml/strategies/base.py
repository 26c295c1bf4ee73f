"""What every strategy does, so that training, evaluation and scoring need not know which it is."""

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

# A row for each text, each of length 1: their inner product is the cosine likeness.
Representation = NDArray[np.float32] | csr_array


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is stored of a fitted strategy: enough to restore it, and no code.

    Args:
        tensors: Arrays by name.
        words: JSON-able settings such as a vocabulary.
    """

    tensors: Mapping[str, NDArray[Any]]
    words: Mapping[str, Any]

    def refuse_another(self, encoder: Encoder) -> None:
        """Check that what needs an encoder gets the one that it was trained on.

        Args:
            encoder: The encoder that is there; its fingerprint stands in the words.

        Raises:
            EncoderError: If it is another one.

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
    """A strategy that has learned from past tests."""

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return one score a text, float64 (n,): a predicted log click rate.

        Only differences between wordings of the same place have a meaning: the level is unknown.
        """
        ...

    def represent(self, texts: Sequence[str]) -> Representation | None:
        """Return the texts as unit rows (n, d) for likeness; None if the strategy reads no text."""
        ...

    def parts(self) -> Parts:
        """Return what must be stored to restore it."""
        ...


class Strategy(Protocol):
    """One way to learn scores of wordings from past tests."""

    @property
    def name(self) -> str:
        """Key of the strategy in manifests and results."""
        ...

    @property
    def is_transfer(self) -> bool:
        """Whether it starts from a model pretrained on something else."""
        ...

    def fit(self, arms: Arms, *, progress: Progress = no_progress) -> FittedStrategy:
        """Learn from the arms of contrast groups; what takes long tells the fraction done."""
        ...

    def restore(self, parts: Parts) -> FittedStrategy:
        """Return the fitted strategy whose parts were stored."""
        ...
