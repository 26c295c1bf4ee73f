"""Sentences of the statistics, each with its code and its numbers.

They are strings, and English: programs read and print them as they are. A page in another
language does not read them: it translates the code and fills in the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any


class MessageCode(StrEnum):
    """Reasons without a result, remarks beside one, and faults of an input."""

    NO_VISITORS = "no_visitors"
    ONE_VISITOR = "one_visitor"
    NO_VARIANCE = "no_variance"
    ZERO_DENOMINATOR = "zero_denominator"
    ZERO_CONTROL = "zero_control"
    UNBOUNDED_LIFT = "unbounded_lift"
    OUT_OF_RANGE = "out_of_range"
    TOO_FEW_EXPECTED = "too_few_expected"
    ONE_ARM_WITH_SHARE = "one_arm_with_share"
    FEW_CLICKS = "few_clicks"
    FEW_VISITORS = "few_visitors"
    FEW_IN_DENOMINATOR = "few_in_denominator"
    NO_SPREAD = "no_spread"
    SAMPLE_RATIO_MISMATCH = "sample_ratio_mismatch"
    BAYESIAN_PANEL = "bayesian_panel"
    MODEL_AND_PRIOR = "model_and_prior"
    EXACT_SPLIT_OF_CLICKS = "exact_split_of_clicks"
    FEW_EXPECTED_CLICKS = "few_expected_clicks"
    BOSCHLOO = "boschloo"
    FISHER = "fisher"
    SCORE = "score"
    SCORE_INTERVAL = "score_interval"
    SUM_ABOVE_N = "sum_above_n"
    N_NOT_WHOLE = "n_not_whole"
    SUM_NOT_WHOLE = "sum_not_whole"
    N_OUT_OF_RANGE = "n_out_of_range"
    SUM_NEGATIVE = "sum_negative"
    NAME_REPEATED = "name_repeated"
    NAME_LENGTH = "name_length"
    LIFT_ZERO = "lift_zero"
    LIFT_BEYOND_RATE = "lift_beyond_rate"
    COUNTS_NOT_WHOLE = "counts_not_whole"
    SHARES_OUT_OF_RANGE = "shares_out_of_range"


class Message(str):
    """One sentence: English as a string, with what a translation needs.

    Attributes:
        code: Code of the sentence.
        numbers: Values of its placeholders, by name.

    >>> message = Message(MessageCode.LIFT_ZERO, given=0.0)
    >>> message, message.code.value, message.numbers
    ('lift must be finite and not 0, got 0.0', 'lift_zero', {'given': 0.0})
    """

    code: MessageCode
    numbers: dict[str, Any]

    def __new__(cls, code: MessageCode, **numbers: Any) -> Message:
        """Fill the gaps of the code's sentence."""
        message = super().__new__(cls, ENGLISH[code] % _grouped(numbers))
        message.code, message.numbers = code, numbers
        return message

    def __reduce__(self) -> tuple[Any, ...]:
        return _message, (self.code, self.numbers)


def _grouped(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: f"{number:,}" if isinstance(number, int) else number
        for name, number in numbers.items()
    }


class Text(str):
    """Messages among other words, in their order.

    Attributes:
        parts: Messages, texts and plain words.

    >>> Text(["B: ", Message(MessageCode.NO_VISITORS)])
    'B: An arm has no visitors.'
    """

    parts: tuple[str, ...]

    def __new__(cls, parts: Iterable[str]) -> Text:
        """Put the parts one after another."""
        pieces = tuple(parts)
        text = super().__new__(cls, "".join(pieces))
        text.parts = pieces
        return text

    def __reduce__(self) -> tuple[Any, ...]:
        return Text, (self.parts,)


class InvalidInputError(ValueError):
    """Numbers with which nothing can be computed.

    Attributes:
        text: Description of the fault; a `Message` if it can be translated.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class InvalidFieldError(InvalidInputError):
    """One field that is out of range or contradicts another one.

    Attributes:
        field: Its name.
        fault: Description of the fault, in English.
        given: Its value, or more about the fault.

    >>> str(InvalidFieldError("sum", "must be at most n", 11))
    'sum must be at most n: 11'
    """

    def __init__(
        self, field: str, fault: str, given: object, *, text: Message | None = None
    ) -> None:
        super().__init__(text or f"{field} {fault}: {given}")
        self.field = field
        self.fault = fault
        self.given = str(given)

    @property
    def complaint(self) -> str:
        """Return what is wrong, without the field's name."""
        return f"{self.fault}: {self.given}"


def joined(messages: Iterable[str]) -> Text:
    """Return the messages as one text, a space between two.

    >>> joined([Message(MessageCode.NO_VISITORS), "So be it."])
    'An arm has no visitors. So be it.'
    """
    parts: list[str] = []
    for message in messages:
        parts += [" ", message] if parts else [message]
    return Text(parts)


def _message(code: MessageCode, numbers: dict[str, Any]) -> Message:
    return Message(code, **numbers)


ENGLISH = {
    MessageCode.NO_VISITORS: "An arm has no visitors.",
    MessageCode.ONE_VISITOR: "An arm has one visitor only, so its variance is unknown.",
    MessageCode.NO_VARIANCE: (
        "All visitors of an arm have the same outcome, so its variance cannot be estimated yet."
    ),
    MessageCode.ZERO_DENOMINATOR: "The denominator of an arm's ratio is 0.",
    MessageCode.ZERO_CONTROL: "The control's mean is 0, so a relative change does not exist.",
    MessageCode.UNBOUNDED_LIFT: (
        "The control's mean is not distinguishable from 0, so no bounded interval for the lift "
        "exists."
    ),
    MessageCode.OUT_OF_RANGE: "The result is beyond the range of floating-point numbers.",
    MessageCode.TOO_FEW_EXPECTED: (
        "An arm expects fewer than 5 visitors, too few for a chi-squared test."
    ),
    MessageCode.ONE_ARM_WITH_SHARE: "Fewer than two arms have a share above 0.",
    MessageCode.FEW_CLICKS: (
        "An arm has fewer than 20 visitors who did it, or who did not, too few for a sequential "
        "interval of the effect."
    ),
    MessageCode.FEW_VISITORS: (
        "An arm has fewer than 100 visitors, too few for a sequential comparison of means."
    ),
    MessageCode.FEW_IN_DENOMINATOR: (
        "The denominator of an arm's ratio comes from fewer than 20 visitors, too few for a "
        "sequential comparison."
    ),
    MessageCode.NO_SPREAD: "The standard error is 0, so nothing is known of the uncertainty.",
    MessageCode.SAMPLE_RATIO_MISMATCH: (
        "Sample-ratio mismatch (p < %(threshold)s): visitors do not split as configured, so no "
        "comparison can be trusted before the cause is found."
    ),
    MessageCode.BAYESIAN_PANEL: (
        "A Bayesian panel has no p-value and no correction, and stopping a running experiment on "
        "it does not control false alarms."
    ),
    MessageCode.MODEL_AND_PRIOR: "Model %(model)s, prior %(prior)s.",
    MessageCode.EXACT_SPLIT_OF_CLICKS: (
        "Below %(clicks)s clicks in an arm, or %(others)s visitors without one, the p-value and "
        "the lift's interval come from the exact split of the clicks."
    ),
    MessageCode.FEW_EXPECTED_CLICKS: (
        "An arm expects fewer than %(n)s clicks, or visitors without one: method exact is more "
        "reliable."
    ),
    MessageCode.BOSCHLOO: (
        "At most %(n)s visitors an arm: Boschloo's test is exact and never less powerful than "
        "Fisher's."
    ),
    MessageCode.FISHER: (
        "More than %(n)s visitors in an arm: Fisher's test is exact and quick, and little is lost "
        "at this size."
    ),
    MessageCode.SCORE: (
        "More than %(n)s visitors: the score test, to which the exact ones converge."
    ),
    MessageCode.SCORE_INTERVAL: (
        "The interval inverts the score test, which differs from the exact one here."
    ),
    MessageCode.SUM_ABOVE_N: "arms[%(arm)s].sum: must be at most n: %(given)s",
    MessageCode.N_NOT_WHOLE: "arms[%(arm)s].n: must be a whole number: %(given)s",
    MessageCode.SUM_NOT_WHOLE: "arms[%(arm)s].sum: must be a whole number: %(given)s",
    MessageCode.N_OUT_OF_RANGE: (
        "arms[%(arm)s].n: must lie between %(low)s and %(high)s; not %(given)s"
    ),
    MessageCode.SUM_NEGATIVE: "arms[%(arm)s].sum: must not be negative: %(given)s",
    MessageCode.NAME_REPEATED: "arms[%(arm)s].name: must differ from the others: %(given)s",
    MessageCode.NAME_LENGTH: "arms[%(arm)s].name: must be 1 to %(most)s characters",
    MessageCode.LIFT_ZERO: "lift must be finite and not 0, got %(given)s",
    MessageCode.LIFT_BEYOND_RATE: (
        "lift must keep the rate inside (0, 1), got %(given)s on %(base)s"
    ),
    MessageCode.COUNTS_NOT_WHOLE: "counts must be whole numbers of visitors: %(given)s",
    MessageCode.SHARES_OUT_OF_RANGE: "shares must lie between 0 and 1: %(given)s",
}
