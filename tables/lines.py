"""Lines of a name and numbers, as people type them or paste them from a spreadsheet."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from tables.numbers import MOST_CHARACTERS, Decimal, NumberColumn, NumberError, NumberProblem

LineProblem = Literal["no_numbers", "several_splits"] | NumberProblem

_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?: \d{3})+(?:[.,]\d+)?", re.ASCII)
# Of the longest number, in groups of three digits and a space.
MOST_WORDS = MOST_CHARACTERS // 4 + 1
# A group of thousands that stands alone is the rest of a number.
_REST = re.compile(r"0\d+", re.ASCII)


class LineError(ValueError):
    """A line that cannot be read, or in several ways.

    Args:
        line: Number of the line, from 1.
        problem: Reason, as a code that pages translate.
        text: The cell at fault; the whole line if its cells are not clear.
        readings: The possible values of an ambiguous number, otherwise empty.
        splits: The possible cells of a line without clear borders, joined by ` | `.
    """

    def __init__(
        self,
        line: int,
        problem: LineProblem,
        text: str,
        *,
        readings: tuple[float, ...] = (),
        splits: tuple[str, ...] = (),
    ) -> None:
        self.line = line
        self.problem: LineProblem = problem
        self.text = text
        self.readings = readings
        self.splits = splits
        super().__init__(f"line {line}: {problem}: {text!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedNumbers:
    """A line that was read.

    Args:
        name: The text before the numbers; not empty.
        numbers: The numbers, in the order of the columns.
    """

    name: str
    numbers: tuple[float, ...]


def read_lines(
    text: str,
    *,
    whole: Sequence[bool],
    is_falling: bool = False,
    decimal: Decimal | None = None,
) -> list[NamedNumbers]:
    r"""Return the lines of a text; blank lines and a line of headings do not count.

    Columns are separated by tabs, semicolons or bars where a line has them. Spaces alone may
    also be separators of thousands: a line that can be cut in several ways is refused.

    Args:
        text: Lines of a name and as many numbers as there are columns.
        whole: For each column, whether it holds whole numbers only.
        is_falling: True if no number of a line exceeds the one before it, as clicks and visitors.
        decimal: The decimal character where it is known, as from the language of a page.

    Returns:
        One entry for each line.

    Raises:
        LineError: For the first line that cannot be read, or in several ways.

    >>> [line.numbers for line in read_lines("A\t12 800\t500\nB\t12 900\t580", whole=(True, True))]
    [(12800.0, 500.0), (12900.0, 580.0)]
    >>> read_lines("B 12 900 580", whole=(True, True), is_falling=True)
    Traceback (most recent call last):
    ...
    tables.lines.LineError: line 1: several_splits: 'B 12 900 580'
    """
    lines = [(at, line) for at, line in enumerate(text.splitlines(), start=1) if line.strip()]
    reader = _Reader(whole=whole, is_falling=is_falling, decimal=decimal)
    cut = [(at, line, reader.splits(line)) for at, line in lines]
    if len(cut) > 1 and not any(map(str.isdigit, cut[0][1])):
        cut = cut[1:]
    for _, _, splits in cut:
        if len(splits) == 1:
            reader.learn(splits[0])
    return [reader.read(at, line, splits) for at, line, splits in cut]


@dataclass(frozen=True, slots=True)
class _Split:
    name: str
    cells: tuple[str, ...]

    def __str__(self) -> str:
        return " | ".join((self.name, *self.cells))


class _Reader:
    def __init__(self, *, whole: Sequence[bool], is_falling: bool, decimal: Decimal | None) -> None:
        self._whole = tuple(whole)
        self._is_falling = is_falling
        # Counts are written alike; other numbers have a column of their own.
        counts = NumberColumn(whole=True, decimal=decimal)
        self._columns = [counts if one else NumberColumn(decimal=decimal) for one in whole]

    def splits(self, line: str) -> list[_Split]:
        """Return the ways to cut a line; those whose numbers cannot be, are left out."""
        for mark in "\t;|":
            if mark in line:
                cells = [cell.strip() for cell in line.split(mark)]
                while len(cells) > len(self._whole) + 1 and not cells[-1]:
                    cells.pop()
                return [_split(cells, len(self._whole))]
        if " " not in line.strip() and line.count(",") == len(self._whole):
            cells = line.strip().split(",")
            has_rest = any(_REST.fullmatch(cell) for cell in cells[1:])
            return [] if has_rest else [_split(cells, len(self._whole))]
        # A no-break space belongs to its number, unless nothing else stands between the columns.
        splits = list(_by_spaces(line.strip(" ").split(" "), len(self._whole)))
        splits = splits or list(_by_spaces(line.split(), len(self._whole)))
        return [one for one in splits if self._can_be(one)] or splits

    def learn(self, split: _Split) -> None:
        for column, cell in zip(self._columns, split.cells, strict=False):
            column.learn([cell])

    def read(self, at: int, line: str, splits: list[_Split]) -> NamedNumbers:
        if len(splits) > 1:
            raise LineError(at, "several_splits", line.strip(), splits=tuple(map(str, splits)))
        if not splits or not splits[0].name or len(splits[0].cells) != len(self._whole):
            raise LineError(at, "no_numbers", line.strip())
        numbers = []
        for column, cell in zip(self._columns, splits[0].cells, strict=True):
            try:
                numbers.append(column.read(cell))
            except NumberError as error:
                raise LineError(at, error.problem, cell, readings=error.readings) from None
        return NamedNumbers(name=splits[0].name, numbers=tuple(numbers))

    def _can_be(self, split: _Split) -> bool:
        if not self._is_falling:
            return True
        least, most = [], []
        for whole, cell in zip(self._whole, split.cells, strict=True):
            try:
                values: tuple[float, ...] = (NumberColumn(whole=whole).read(cell),)
            except NumberError as error:
                values = error.readings
            least.append(min(values, default=0))
            most.append(max(values, default=float("inf")))
        return all(after <= before for before, after in zip(most, least[1:], strict=False))


def _split(cells: Sequence[str], n_columns: int) -> _Split:
    return _Split(" ".join(cells[:-n_columns]).strip(), tuple(cells[-n_columns:]))


def _by_spaces(words: Sequence[str], n_columns: int) -> Iterator[_Split]:
    """Yield the ways to make a name and numbers of words, of which thousands may be several."""
    words = [word for word in words if word]
    first = max(1, len(words) - n_columns * MOST_WORDS)
    for borders in combinations(range(first, len(words)), n_columns):
        ends = (*borders[1:], len(words))
        cells = tuple(" ".join(words[a:b]) for a, b in zip(borders, ends, strict=True))
        if all(
            _GROUPED.fullmatch(cell) if " " in cell else not _REST.fullmatch(cell) for cell in cells
        ):
            yield _Split(" ".join(words[: borders[0]]), cells)
