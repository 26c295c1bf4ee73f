"""History rows, the training data of the predictor: one row is one arm of a finished test."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Literal

Problem = Literal[
    "broken_csv",
    "field_count",
    "empty",
    "not_a_count",
    "ambiguous_count",
    "negative",
    "too_large",
    "clicks_exceed_visitors",
    "not_a_date",
    "ambiguous_date",
    "not_a_flag",
    "repeated_header",
    "nul_character",
    "total_row",
    "rounded_id",
]

# Larger numbers are typing errors: no arm ever had so many visitors, and they might overflow a
# database integer.
MAX_COUNT = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One arm of one past test.

    Args:
        test: Key of the test; not empty.
        context: Everything a contrast group shares apart from the wording; may be empty.
        text: The wording; not blank.
        visitors: Visitors exposed, in [0, 10**12].
        clicks: Clicking visitors, in [0, visitors].
        audience: Audience key; empty when unknown.
        locale: Language tag such as `fr` or `en-US`; empty when unknown.
        form: CTA form, `button`, `link` or `spoken`; empty when unknown.
        placement: Position of the slot; empty when unknown.
        ended_on: Day the test ended, or None.
        group: Key of a shared story or asset; its rows stay on one side of every split.
        suspect: True if the randomisation is known to be faulty: not used for evaluation.

    Raises:
        ValueError: Naming the field, if a value is out of range.

    >>> row = HistoryRow(test="t1", context="", text="Start now", visitors=100, clicks=7)
    >>> row.clicks / row.visitors
    0.07
    """

    test: str
    context: str
    text: str
    visitors: int
    clicks: int
    audience: str = ""
    locale: str = ""
    form: str = ""
    placement: str = ""
    ended_on: date | None = None
    group: str = ""
    suspect: bool = False

    def __post_init__(self) -> None:
        for name in ("test", "text"):
            if not getattr(self, name).strip():
                raise RowError("empty", name)
        for name in ("visitors", "clicks"):
            _check_count(name, getattr(self, name))
        if self.clicks > self.visitors:
            raise RowError("clicks_exceed_visitors", "clicks", f"{self.clicks} > {self.visitors}")


COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(HistoryRow))


class RowError(ValueError):
    """An invalid value in a history row.

    Args:
        problem: Problem, as a code that pages translate.
        field: Invalid field or column; empty if the row as such is invalid.
        value: The value as read, shortened.

    >>> str(RowError("negative", "clicks", "-3"))
    "clicks: is negative: '-3'"
    """

    def __init__(self, problem: Problem, field: str = "", value: str = "") -> None:
        self.problem: Problem = problem
        self.field = field
        self.value = value if len(value) <= 60 else value[:57] + "..."
        shown = f": {self.value!r}" if self.value else ""
        super().__init__(f"{field or 'row'}: {_PROBLEM_WORDS[problem]}{shown}")


_PROBLEM_WORDS: Mapping[Problem, str] = {
    "broken_csv": "cannot be read as CSV",
    "field_count": "has the wrong number of fields",
    "empty": "is empty",
    "not_a_count": "is not a whole number",
    "ambiguous_count": "may be thousands or decimals: write it without a separator",
    "negative": "is negative",
    "too_large": "is impossibly large",
    "clicks_exceed_visitors": "are more than the visitors",
    "not_a_date": "is not a date",
    "ambiguous_date": "may be two dates: write it as YYYY-MM-DD",
    "not_a_flag": "is neither yes nor no",
    "repeated_header": "repeats the header",
    "nul_character": "has a NUL character",
    "total_row": "is a row of totals, and no wording",
    "rounded_id": "was rounded by a spreadsheet, so that several look like one: export it as text",
}


def _check_count(field: str, value: int) -> None:
    if value < 0:
        raise RowError("negative", field, str(value))
    if value > MAX_COUNT:
        raise RowError("too_large", field, str(value))
