"""Workbooks (XLSX): the values of one sheet, without formulas, macros and links."""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Literal, cast
from zipfile import BadZipFile, ZipFile

from tables.delimited import LINES_TO_HEADER, IsHeader
from tables.source import Cell, Limits, Reading, Row, Table, TableError, as_text

# More cells in a row are an accident at the right edge of a sheet.
MOST_COLUMNS = 1_000
# A sheet of plain numbers packs to a tenth; a bomb to a thousandth.
MOST_BYTES = 500_000_000
# A formula without the value that a spreadsheet stores beside it; an empty text is one (t="str").
_NO_VALUE = re.compile(
    rb'<c\b(?![^>]*\bt="str")[^>]*>\s*<f\b[^>]*?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>'
)
_FORMULA = re.compile(rb"<f[\s>/]")
# Set by programs that leave the computing to the spreadsheet, and write 0 for every value.
_TO_COMPUTE = re.compile(rb'<calcPr\b[^>]*\bfullCalcOnLoad="(?:1|true)"')
# Longer than any cell with a formula.
_CHUNK, _OVERLAP = 1 << 20, 1 << 16
_LEFT_OUT: dict[Literal["macros", "links"], Callable[[str], bool]] = {
    "macros": lambda part: part.endswith("vbaProject.bin"),
    "links": lambda part: part.startswith("xl/externalLinks/"),
}


def is_workbook(path: Path) -> bool:
    """Return True if a file is a ZIP archive or an old binary workbook.

    Args:
        path: File that can be read.
    """
    with path.open("rb") as file:
        return file.read(4) in {b"PK\x03\x04", b"\xd0\xcf\x11\xe0"}


def open_workbook(path: Path, *, is_header: IsHeader, limits: Limits) -> Table:
    """Open the first sheet of a workbook whose header is the one looked for, or the first.

    Args:
        path: File, XLSX or XLSM.
        is_header: As in `open_delimited`.
        limits: The most that is read.

    Raises:
        TableError: If it is another kind of file, damaged, empty, unpacks to more than 500 MB, or
            has formulas in the sheet that no spreadsheet has computed.
    """
    parts = _parts(path, min(limits.characters, MOST_BYTES))
    heads = _heads(path)
    if not heads:
        raise TableError("empty", "the workbook has no sheet with content")
    found = [(sheet, at, names) for sheet, head in heads.items() for at, names in head]
    chosen = next((one for one in found if is_header(one[2])), found[0])
    sheet, at, columns = chosen
    _refuse_without_values(path, sheet)

    def rows() -> Iterator[Row]:
        with _opened(path) as book:
            yield from _rows(book[sheet], at=at, width=len(columns), limits=limits)

    reading = Reading(
        kind="workbook",
        sheet=sheet,
        sheets=tuple(heads),
        lines_before=at,
        left_out=tuple(name for name, part in _LEFT_OUT.items() if any(map(part, parts))),
    )
    return Table(columns=columns, reading=reading, rows=rows)


def _heads(path: Path) -> dict[str, list[tuple[int, tuple[str, ...]]]]:
    """Return the first lines with content of each sheet that has any, with their places."""
    heads = {}
    with _opened(path) as book:
        for sheet in _visible_first(book.worksheets):
            lines = enumerate(islice(_cells(sheet), LINES_TO_HEADER))
            head = [(at, tuple(map(as_text, cells))) for at, cells in lines if any(cells)]
            if head:
                heads[sheet.title] = head
    return heads


def _refuse_without_values(path: Path, sheet: str) -> None:
    """Raise TableError if formulas of a sheet have no values: their cells would be empty, or 0."""
    with _opened(path) as book, ZipFile(path) as archive:
        pattern = _FORMULA if _TO_COMPUTE.search(archive.read("xl/workbook.xml")) else _NO_VALUE
        with archive.open(book[sheet]._worksheet_path) as part:
            tail = b""
            while chunk := part.read(_CHUNK):
                tail += chunk
                if pattern.search(tail):
                    raise TableError(
                        "no_values",
                        "the sheet has formulas that were never computed: open the workbook in a"
                        " spreadsheet, and save it",
                    )
                tail = tail[-_OVERLAP:]


def _visible_first(sheets: Iterable[Any]) -> list[Any]:
    """Return the sheets in their order, those that people do not see last."""
    return sorted(sheets, key=lambda sheet: sheet.sheet_state != "visible")


def _rows(sheet: Any, *, at: int, width: int, limits: Limits) -> Iterator[Row]:
    n_rows = 0
    for line, cells in enumerate(_cells(sheet), start=1):
        if line <= at + 1 or all(as_text(cell) == "" for cell in cells):
            continue
        n_rows += 1
        if n_rows > limits.rows:
            raise TableError("too_many_rows", f"more than {limits.rows:,} rows")
        # A sheet has no width of its own: cells missing on the right are empty ones.
        yield Row(line=line, cells=(*cells, *(None,) * (width - len(cells))))


def _cells(sheet: Any) -> Iterator[tuple[Cell, ...]]:
    for values in sheet.iter_rows(values_only=True):
        last = max((at for at, value in enumerate(values, start=1) if value is not None), default=0)
        if last > MOST_COLUMNS:
            raise TableError("too_large", f"a row of more than {MOST_COLUMNS:,} cells")
        yield cast("tuple[Cell, ...]", values[:last])


def _parts(path: Path, most_bytes: int) -> set[str]:
    """Return the names of the parts of a workbook; raise TableError if it is another archive."""
    try:
        with ZipFile(path) as archive:
            names = set(archive.namelist())
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (BadZipFile, NotImplementedError, ValueError):
        raise TableError(
            "not_a_table", "an old or damaged workbook: save it as XLSX or as CSV"
        ) from None
    if "xl/workbook.xml" not in names:
        raise TableError("not_a_table", "a ZIP archive that is no XLSX workbook")
    if unpacked > most_bytes:
        raise TableError("too_large", f"the workbook unpacks to more than {most_bytes:,} bytes")
    return names


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        # From a stream: by a path it would judge the name.
        with path.open("rb") as file, warnings.catch_warnings():
            # Styles and extensions that it leaves out, which hold no values.
            warnings.simplefilter("ignore")
            from openpyxl import load_workbook  # noqa: PLC0415

            yield load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except TableError:
        raise
    except OSError as error:
        raise TableError("unreadable", error.strerror or str(error)) from error
    except Exception as error:
        # What unpacks, parses and converts the parts has no common class of errors.
        raise TableError("damaged", "the workbook is damaged") from error
