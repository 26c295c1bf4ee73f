"""Numbers as people and spreadsheets write them: separators of thousands, decimal commas.

"1.234" has two readings. Which one is meant follows from the other cells of the column, from a
decimal character named by the caller, or not at all: then the number is refused.
"""

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Decimal = Literal[".", ","]
NumberProblem = Literal["empty", "not_a_number", "not_whole", "ambiguous"]

# Longer texts are no numbers; a limit keeps the arithmetic on them cheap.
MOST_CHARACTERS = 40


class NumberError(ValueError):
    """A text that cannot be read as one number.

    Args:
        problem: Reason, as a code that pages translate.
        readings: The possible values of an ambiguous text, ascending; otherwise empty.

    >>> str(NumberError("ambiguous", (1.234, 1234.0)))
    'may be 1.234 or 1234: write it without a separator of thousands'
    """

    def __init__(self, problem: NumberProblem, readings: tuple[float, ...] = ()) -> None:
        self.problem: NumberProblem = problem
        self.readings = readings
        super().__init__(_WORDS[problem].format(" or ".join(f"{value:.15g}" for value in readings)))


_WORDS = {
    "empty": "is empty",
    "not_a_number": "is not a number",
    "not_whole": "is not a whole number",
    "ambiguous": "may be {}: write it without a separator of thousands",
}


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """Decimal character and separator of thousands.

    Args:
        decimal: `.` or `,`.
        group: `,`, `.`, a space or an apostrophe; never the decimal character.
    """

    decimal: Decimal
    group: str


STYLES = (
    NumberStyle(".", ","),
    NumberStyle(".", " "),
    NumberStyle(".", "'"),
    NumberStyle(",", "."),
    NumberStyle(",", " "),
    NumberStyle(",", "'"),
)


def _pattern(style: NumberStyle) -> re.Pattern[str]:
    group, decimal = re.escape(style.group), re.escape(style.decimal)
    # 1,234,567 everywhere; 12,34,567 in India, with commas only.
    grouped = rf"[1-9]\d{{0,2}}(?:{group}\d{{3}})+"
    if style.group == ",":
        grouped += r"|[1-9]\d?(?:,\d{2})+,\d{3}"
    plain = rf"\d+(?:{decimal}\d*)?(?:[eE][+-]?\d{{1,3}})?|{decimal}\d+"
    return re.compile(rf"[+-]?(?:(?:{grouped})(?:{decimal}\d+)?|{plain})", re.ASCII)


_PATTERNS = {style: _pattern(style) for style in STYLES}
# Spaces of every width (no-break, narrow, thin, figure), apostrophes and minus signs as one.
_ALIKE = str.maketrans(
    {"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2007": " ", "\u2019": "'", "\u2018": "'"}
    | {"\u02bc": "'", "\u00b4": "'", "`": "'", "\u2212": "-", "\u066b": ".", "\u066c": "'"}
)


class NumberColumn:
    """Reading of the numbers of one column, or of several that were written alike.

    Args:
        whole: True for counts: only whole numbers, which nobody writes with an exponent.
        decimal: The decimal character where it is known, as from the language of a page.

    >>> column = NumberColumn()
    >>> column.learn(["1.234", "1.234.567,5"])
    >>> column.read("1.234"), column.decimal
    (1234.0, ',')
    >>> NumberColumn().read("1.234")
    Traceback (most recent call last):
    ...
    tables.numbers.NumberError: may be 1.234 or 1234: write it without a separator of thousands
    """

    def __init__(self, *, whole: bool = False, decimal: Decimal | None = None) -> None:
        self._whole = whole
        self._named = decimal
        self._styles = frozenset(STYLES)
        self._learned = False

    @property
    def decimal(self) -> Decimal | None:
        """The decimal character that all cells learned agree on; None if they show none."""
        found = {style.decimal for style in self._styles}
        return found.pop() if self._learned and len(found) == 1 else None

    @property
    def group(self) -> str | None:
        """The separator of thousands that all cells learned agree on; None if they show none."""
        found = {style.group for style in self._styles}
        return found.pop() if self._learned and len(found) == 1 else None

    def learn(self, texts: Iterable[str]) -> None:
        """Keep the styles in which these cells, too, are numbers; ignore cells that never are.

        Cells that contradict each other (1.234,5 and 1,234.5) leave no style: each is then
        read alone, and refused where it is ambiguous.

        Args:
            texts: Cells as read.
        """
        for text in texts:
            if text.isascii() and text.isdigit():
                continue
            possible = frozenset(self._readings(text, STYLES))
            if possible and possible != frozenset(STYLES):
                self._styles &= possible
                self._learned = True

    def read(self, text: str) -> float:
        """Return the value of a cell.

        Args:
            text: Cell as read; spaces around it do not count.

        Returns:
            A finite number; whole if the column is.

        Raises:
            NumberError: If the cell is empty, no number, not whole where it must be, or has
                several readings between which neither the column nor the named decimal
                character decides.
        """
        if text.isascii() and text.isdigit() and len(text) <= MOST_CHARACTERS:
            return float(int(text))
        readings = self._readings(text, self._styles or frozenset(STYLES))
        values = tuple(sorted(set(readings.values())))
        if len(values) > 1 and self._named:
            values = self._as_named(readings) or values
        if len(values) > 1:
            raise NumberError("ambiguous", values)
        if not values:
            raise NumberError(self._problem(text))
        return values[0]

    def read_count(self, text: str) -> int:
        """Return the value of a cell of a column of whole numbers, as `read`.

        >>> NumberColumn(whole=True).read_count("12 800")
        12800
        """
        return int(self.read(text))

    def _as_named(self, readings: dict[NumberStyle, float]) -> tuple[float, ...]:
        values = {value for style, value in readings.items() if style.decimal == self._named}
        # A count with three decimals is no evidence: 100,000 on a French page may be English.
        other = set(readings.values()) - values
        if self._whole and values and other and max(other) > max(values):
            return ()
        return tuple(values)

    def _readings(self, text: str, styles: Iterable[NumberStyle]) -> dict[NumberStyle, float]:
        tidy = tidy_number(text)
        if not tidy or len(tidy) > MOST_CHARACTERS or (self._whole and "e" in tidy.lower()):
            return {}
        found = {style: value(tidy, style) for style in styles}
        return {
            style: number
            for style, number in found.items()
            if number is not None and (not self._whole or number.is_integer())
        }

    def _problem(self, text: str) -> NumberProblem:
        tidy = tidy_number(text)
        if not tidy:
            return "empty"
        is_number = len(tidy) <= MOST_CHARACTERS and any(
            value(tidy, style) is not None for style in STYLES
        )
        return "not_whole" if is_number else "not_a_number"


def value(text: str, style: NumberStyle) -> float | None:
    """Return the number that a text is in one style; None if it is none.

    Args:
        text: Digits, separators and a sign, with plain spaces, apostrophes and minus signs.
        style: Decimal character and separator of thousands.

    Returns:
        A finite number.

    >>> value("1.234,5", NumberStyle(",", ".")), value("1.23,5", NumberStyle(",", "."))
    (1234.5, None)
    """
    if not _PATTERNS[style].fullmatch(text):
        return None
    number = float(text.replace(style.group, "").replace(style.decimal, "."))
    return number if math.isfinite(number) else None


def tidy_number(text: str) -> str:
    """Return a text with plain spaces, apostrophes, minus signs and digits.

    Args:
        text: Cell as read; one longer than `MOST_CHARACTERS` keeps its digits.

    >>> tidy_number("\u22121\u202f299 ")
    '-1 299'
    """
    text = text.translate(_ALIKE).strip()
    if text.isascii() or len(text) > MOST_CHARACTERS:
        return text
    digits = ((mark, unicodedata.decimal(mark, None)) for mark in text)
    return "".join(mark if digit is None else str(digit) for mark, digit in digits)
