"""Preview of an import: how a file was read, the role of each column, and what would be stored."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from tables.reading import open_table
from tables.source import Limits, Table, TableError, as_text

# A page must answer within half a minute, whatever was uploaded.
LIMITS = Limits(line=100_000, characters=150_000_000, rows=500_000)
FIRST_ROWS = 10
MOST_REMARKS = 100
# A cell on the page; the rest is imported all the same.
MOST_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Meaning that a column may have.

    Args:
        key: Its name in the options of an upload.
        label: Its name for people.
        is_needed: True if a file without such a column cannot be imported.
    """

    key: str
    label: str
    is_needed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A sentence about a line of the file; one that refuses the line, or leaves a value out."""

    line: int
    text: str
    is_refusal: bool = True


@dataclass(slots=True, kw_only=True)
class Preview:
    """Account of a file before it is imported.

    Args:
        table: The table as opened.
        roles: Roles that columns may have.
        chosen: Role of each column, in order; empty for none.
        faults: Reasons for which nothing can be imported.
        facts: Counts of the rows to store, as labels and values for people.
        remarks: Remarks on lines, at most 100.
        n_refused: Lines that are refused.
        n_remarks: All remarks.
        is_whole: True if one refused line keeps the whole file from being imported.
    """

    table: Table
    roles: tuple[Role, ...]
    chosen: tuple[str, ...]
    is_whole: bool
    faults: list[str] = field(default_factory=list)
    facts: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    n_refused: int = 0
    n_remarks: int = 0
    n_good: int = 0

    def add(self, remark: Remark) -> None:
        """Count a remark, and keep the first ones."""
        self.n_remarks += 1
        self.n_refused += remark.is_refusal
        if len(self.remarks) < MOST_REMARKS:
            self.remarks.append(remark)

    @property
    def may_be_imported(self) -> bool:
        """Return whether a confirmation would store anything, and all that it has to."""
        is_blocked = self.is_whole and self.n_refused > 0
        return not self.faults and self.n_good > 0 and not is_blocked

    def first_rows(self) -> list[tuple[int, list[str]]]:
        """Return the first rows as they were read, with their lines; cells shortened."""
        rows = []
        # What cannot be read to its end is among the faults.
        with suppress(TableError):
            for row in islice(self.table.rows(), FIRST_ROWS):
                cells = [as_text(cell) for cell in row.cells] or [row.problem]
                rows.append((row.line, [_shortened(cell) for cell in cells]))
        return rows


def _shortened(cell: str) -> str:
    return cell if len(cell) <= MOST_SHOWN else f"{cell[:MOST_SHOWN]}…"


def opened(path: Path, options: Mapping[str, Any], *, is_header: Any = bool) -> Table:
    """Open the table of an upload; its header is the one whose columns were chosen, if any were.

    Raises:
        TableError: If it is none.
        LookupError: If the encoding does not exist.
    """
    header = tuple(options.get("header") or ())
    encoding = options.get("encoding") or None
    if header:
        return open_table(
            path, is_header=lambda columns: columns == header, limits=LIMITS, encoding=encoding
        )
    return open_table(path, is_header=is_header, limits=LIMITS, encoding=encoding)


def roles_of(
    table: Table, options: Mapping[str, Any], guessed: Sequence[str]
) -> tuple[tuple[str, ...], bool]:
    """Return the role of each column, and whether a person has chosen them for this header."""
    is_same = tuple(options.get("header") or ()) == table.columns
    chosen = options.get("roles")
    if is_same and isinstance(chosen, list) and len(chosen) == len(table.columns):
        return tuple(map(str, chosen)), True
    return tuple(guessed), False


def check_roles(preview: Preview) -> None:
    """Name roles that no column has, or several, as faults of the preview."""
    if len(preview.table.columns) == 1:
        preview.faults.append(
            _("The file has one column only: is its separator a comma, semicolon, tab or bar?")
        )
    for role in preview.roles:
        n_columns = preview.chosen.count(role.key)
        if role.is_needed and not n_columns:
            preview.faults.append(_("Choose the column of: %(role)s") % {"role": role.label})
        elif n_columns > 1:
            preview.faults.append(
                _("Several columns are chosen for: %(role)s") % {"role": role.label}
            )
