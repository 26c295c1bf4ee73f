"""Delimited text files: CSV with comma, semicolon, tab or bar, plain or gzipped."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from tables.encoding import Encoding, detect_encoding
from tables.source import Limits, Reading, Row, Table, TableError

DELIMITERS = ",;\t|"
# A header that is not among so many lines is missed by people, too.
LINES_TO_HEADER = 20
_SEPARATOR_LINE = re.compile(r"\s*\"?sep=([^\w\"\r\n ])\"?\s*", re.IGNORECASE)

IsHeader = Callable[[tuple[str, ...]], bool]


def open_delimited(
    path: Path, *, is_header: IsHeader, limits: Limits, encoding: str | None = None
) -> Table:
    """Open a delimited text file.

    Args:
        path: File, plain or gzipped.
        is_header: Whether names of columns are those of the header that is looked for. The
            first line other than a comment counts as the header if none of the first 20 is.
        limits: The most that is read.
        encoding: Name of its codec where it is known.

    Raises:
        TableError: If the file cannot be read, is empty, or is longer than the limits.
        LookupError: If the codec does not exist.
    """
    with _reading(path) as raw:
        found = Encoding(encoding, is_certain=True) if encoding else detect_encoding(raw)
    with _open_text(path, found) as stream:
        head = list(islice(_lines(stream, limits), LINES_TO_HEADER))
    at, delimiter, columns = _find_header(head, is_header)
    reading = Reading(
        kind="text",
        encoding=found.name,
        is_encoding_certain=found.is_certain,
        delimiter=delimiter,
        lines_before=at,
    )

    def rows() -> Iterator[Row]:
        with _open_text(path, found) as stream:
            lines = _lines(stream, limits)
            for _ in range(at + 1):
                next(lines, None)
            yield from _rows(lines, delimiter=delimiter, before=at + 1, limits=limits)

    return Table(columns=columns, reading=reading, rows=rows)


def _find_header(head: list[str], is_header: IsHeader) -> tuple[int, str, tuple[str, ...]]:
    """Return place, delimiter and columns of the header."""
    first = None
    forced = ""
    for at, line in enumerate(head):
        if match := _SEPARATOR_LINE.fullmatch(line):
            forced = match[1]
        if match or not line.strip(' "\r\n\t,;|\0') or line.startswith("#"):
            continue
        # Only the header counts: wordings often contain commas, names of columns do not.
        candidates = [(mark, _names(line, mark)) for mark in forced or DELIMITERS]
        candidates.sort(key=lambda one: len(one[1]), reverse=True)
        for delimiter, names in candidates:
            if is_header(names):
                return at, delimiter, names
        first = first or (at, *candidates[0])
    if first is None:
        raise TableError("empty", "the file is empty or has no header line")
    return first


def _names(line: str, delimiter: str) -> tuple[str, ...]:
    try:
        names = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        names = line.split(delimiter)
    return tuple(name.strip(' "\r\n') for name in names)


def _rows(lines: Iterator[str], *, delimiter: str, before: int, limits: Limits) -> Iterator[Row]:
    """Yield the rows below the header; ignore blank ones."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    n_rows = 0
    while True:
        line = before + reader.line_num + 1
        try:
            cells = next(reader)
            row = Row(line=line, cells=tuple(cells))
        except StopIteration:
            return
        except csv.Error as error:
            row = Row(line=line, problem=str(error))
        if row.problem or any(cell and not cell.isspace() for cell in cells):
            n_rows += 1
            if n_rows > limits.rows:
                raise TableError("too_many_rows", f"more than {limits.rows:,} rows")
            yield row


def _lines(stream: TextIO, limits: Limits) -> Iterator[str]:
    """Yield the lines of a stream; raise before one too long, or one too many, is in memory."""
    n_read = 0
    while line := stream.readline(limits.line + 1):
        n_read += len(line)
        if len(line) > limits.line:
            raise TableError("long_line", f"a line of more than {limits.line:,} characters")
        if n_read > limits.characters:
            raise TableError("too_many_characters", f"more than {limits.characters:,} characters")
        yield line


@contextmanager
def _open_text(path: Path, encoding: Encoding) -> Iterator[TextIO]:
    with _reading(path) as raw:
        yield io.TextIOWrapper(raw, encoding=encoding.name, newline="")


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    """Open a plain or gzipped file; raise one error type for every kind of damage."""
    try:
        with path.open("rb") as probe:
            zipped = probe.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as raw:
            yield cast("BinaryIO", raw)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TableError("damaged", "the gzip file is damaged or cut short") from error
    except UnicodeError as error:
        raise TableError("not_text", f"not text in its encoding ({error})") from error
    except OSError as error:
        raise TableError("unreadable", error.strerror or str(error)) from error
