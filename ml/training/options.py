"""Options of a training that an operator may set; imports nothing heavy."""

from dataclasses import dataclass

# A doubtful split makes a click rate less certain, not worthless. On the Upworthy archive 1/2 and
# 1 do alike, and both better than 0: docs/prediction.md.
SUSPECT_TRUST = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Choices of one training.

    Args:
        suspect_trust: How much a test of doubtful randomisation counts in training, in [0, 1]; it
            never judges. 0 leaves such tests out.
        strategies: Keys of the strategies to compare beside "no text"; None: all that fit the
            amount of history.
        early_stopping: Whether a tenth of the tests is kept from each network that is fine-tuned
            and decides when to stop.

    Raises:
        ValueError: If the trust is not in [0, 1].

    >>> Choices(suspect_trust=2.0)
    Traceback (most recent call last):
    ...
    ValueError: suspect_trust: 2.0 is not from 0 to 1
    """

    suspect_trust: float = SUSPECT_TRUST
    strategies: tuple[str, ...] | None = None
    early_stopping: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.suspect_trust <= 1:
            raise ValueError(f"suspect_trust: {self.suspect_trust} is not from 0 to 1")
