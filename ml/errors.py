"""Expected errors of ml, without heavy imports so that any process can catch them."""

from collections.abc import Mapping
from typing import Literal


class EncoderError(RuntimeError):
    """The configured encoder cannot be used; the message names it and the reason."""


class EncoderMissingError(EncoderError):
    """The encoder of a predictor is not on this machine.

    Args:
        name: Its name in the manifest.

    >>> str(EncoderMissingError("mpnet"))
    "encoder 'mpnet': not on this machine"
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"encoder {name!r}: not on this machine")


class FitError(RuntimeError):
    """A strategy could not learn for a reason that is not in the data; the message names it."""


class ArtifactError(RuntimeError):
    """A stored predictor is missing, damaged or of another format; the message names the file."""


Shortage = Literal["groups", "components", "pairs"]


class TooLittleHistoryError(ValueError):
    """The history is too small for training or evaluation.

    Args:
        kind: Kind of data that is too scarce.
        found: Number available.
        needed: Number required.

    >>> str(TooLittleHistoryError("groups", 3, 20))
    'too little history: 3 tests with two wordings and a click (at least 20)'
    """

    def __init__(self, kind: Shortage, found: int, needed: int) -> None:
        self.kind: Shortage = kind
        self.found = found
        self.needed = needed
        super().__init__(f"too little history: {found} {_SHORTAGES[kind]} (at least {needed})")


_SHORTAGES: Mapping[Shortage, str] = {
    "groups": "tests with two wordings and a click",
    "components": "families of tests that share no wording, story or image",
    "pairs": "pairs of wordings with different click rates",
}
