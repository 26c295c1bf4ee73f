"""Reading of history files: two CSV formats of past tests, plain or gzipped.

`ctaopt` is the product's own. `upworthy` has the column names of the Upworthy Research Archive
(Matias, Munger, Le Quere, Ebersole 2021, Scientific Data 8:195).
"""

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO, Literal, TextIO, cast, get_args

from ml.history.row import HistoryRow, Problem, RowError

HistoryFormat = Literal["ctaopt", "upworthy"]
FORMATS: tuple[HistoryFormat, ...] = get_args(HistoryFormat)


# Most that is read of a file, gzipped or not: characters of a line and of all lines, and rows.
MOST_IN_A_LINE = 1_000_000
MOST_CHARACTERS = 1_000_000_000
MOST_ROWS = 1_000_000


class HistoryFileError(ValueError):
    """The file as a whole cannot be read; the message names the file and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedRow:
    """A rejected row.

    Args:
        line: First physical line of the row in the file, 1 = header.
        problem: Reason, as a code of `Problem`.
        field: Invalid column; empty if the row as such is invalid.
        value: The value as read, shortened.
        message: The reason in one English sentence, for logs.
    """

    line: int
    problem: Problem
    field: str
    value: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A history file in memory.

    Args:
        rows: Accepted rows, in file order.
        skipped: Skipped rows, in file order.
    """

    rows: tuple[HistoryRow, ...]
    skipped: tuple[SkippedRow, ...]


def read_history(path: Path, history_format: HistoryFormat) -> History:
    r"""Return the accepted and the skipped rows of a history file.

    Args:
        path: CSV file in UTF-8 (comma, semicolon or tab), plain or gzipped.
        history_format: `ctaopt` or `upworthy`.

    Returns:
        The accepted and the skipped rows.

    Raises:
        HistoryFileError: As `iter_history`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "past.csv"
    ...     _ = file.write_text("test,context,text,visitors,clicks\nt,,Go,9,1\nt,,Try,9,10\n")
    ...     history = read_history(file, "ctaopt")
    >>> [row.text for row in history.rows], [skip.line for skip in history.skipped]
    (['Go'], [3])
    """
    rows: list[HistoryRow] = []
    skipped: list[SkippedRow] = []
    for item in iter_history(path, history_format):
        if isinstance(item, HistoryRow):
            rows.append(item)
        else:
            skipped.append(item)
    return History(rows=tuple(rows), skipped=tuple(skipped))


def iter_history(path: Path, history_format: HistoryFormat) -> Iterator[HistoryRow | SkippedRow]:
    """Yield the rows of a history file, accepted or skipped.

    A damaged file may fail after rows were yielded: callers should store them in one
    transaction.

    Args:
        path: CSV file in UTF-8 (comma, semicolon or tab), plain or gzipped.
        history_format: `ctaopt` or `upworthy`.

    Yields:
        A `HistoryRow`, or a `SkippedRow` with line and reason.

    Raises:
        HistoryFileError: If the file is missing, empty, truncated, not UTF-8, lacks a column, or
            is longer than the limits, to which it is read and no further.

    >>> next(iter_history(Path("/nowhere.csv"), "ctaopt"))
    Traceback (most recent call last):
    ...
    ml.history.reading.HistoryFileError: /nowhere.csv: No such file or directory
    """
    with _open_text(path) as stream:
        lines = _lines(path, stream)
        layout = _read_layout(path, next(lines, ""), history_format)
        for number, item in enumerate(_parse_lines(lines, layout)):
            if number == MOST_ROWS:
                raise HistoryFileError(f"{path}: more than {MOST_ROWS:,} rows")
            yield item


def _lines(path: Path, stream: TextIO) -> Iterator[str]:
    """Yield the lines of a stream; raise before one too long, or one too many, is in memory."""
    n_read = 0
    while line := stream.readline(MOST_IN_A_LINE + 1):
        n_read += len(line)
        if len(line) > MOST_IN_A_LINE:
            raise HistoryFileError(f"{path}: a line of more than {MOST_IN_A_LINE:,} characters")
        if n_read > MOST_CHARACTERS:
            raise HistoryFileError(f"{path}: more than {MOST_CHARACTERS:,} characters")
        yield line


_Record = Mapping[str, str]

_ALIASES: Mapping[HistoryFormat, Mapping[str, tuple[str, ...]]] = {
    "ctaopt": {
        "test": ("test", "test_id", "experiment"),
        "context": ("context",),
        "text": ("text", "wording"),
        "visitors": ("visitors", "impressions"),
        "clicks": ("clicks",),
        "audience": ("audience",),
        "locale": ("locale", "language"),
        "form": ("form",),
        "placement": ("placement", "position"),
        "ended_on": ("ended_on",),
        "group": ("group", "story_group"),
        "suspect": ("suspect", "suspect_randomization", "problem"),
    },
    "upworthy": {
        "test": ("test_id", "clickability_test_id"),
        "image": ("image_id", "eyecatcher_id"),
        "excerpt": ("excerpt",),
        "lede": ("lede",),
        "text": ("headline",),
        "visitors": ("impressions",),
        "clicks": ("clicks",),
        "group": ("story_group",),
        "ended_on": ("week_start", "created_at"),
        "suspect": ("suspect_randomization", "randomization_imbalance_risk", "problem"),
    },
}

_REQUIRED: Mapping[HistoryFormat, tuple[str, ...]] = {
    "ctaopt": ("test", "context", "text", "visitors", "clicks"),
    "upworthy": ("test", "image", "excerpt", "lede", "text", "visitors", "clicks"),
}


@contextmanager
def _open_text(path: Path) -> Iterator[TextIO]:
    """Open a plain or gzipped UTF-8 file; raise one error type for every kind of damage."""
    try:
        with path.open("rb") as probe:
            zipped = probe.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as raw:
            yield io.TextIOWrapper(cast("BinaryIO", raw), encoding="utf-8-sig", newline="")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise HistoryFileError(f"{path}: the gzip file is damaged or cut short") from error
    except UnicodeDecodeError as error:
        raise HistoryFileError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise HistoryFileError(f"{path}: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Layout from the header: delimiter, fields per line, column and position of each field."""

    delimiter: str
    width: int
    names: Mapping[str, str]
    places: Mapping[str, int]
    parse: Callable[[_Record], HistoryRow]


def _read_layout(path: Path, header_line: str, history_format: HistoryFormat) -> _Layout:
    # Only the header counts: wordings often contain commas, column names do not.
    delimiter = max(",;\t", key=header_line.count)
    columns = [name.strip(' "\r\n').lower() for name in header_line.split(delimiter)]
    if not any(columns):
        raise HistoryFileError(f"{path}: the file is empty or has no header line")
    aliases = _ALIASES[history_format]
    names = {
        field: next(alias for alias in options if alias in columns)
        for field, options in aliases.items()
        if not set(options).isdisjoint(columns)
    }
    missing = [
        " or ".join(aliases[need]) for need in _REQUIRED[history_format] if need not in names
    ]
    if missing:
        raise HistoryFileError(
            f"{path}: not a {history_format} history, missing column: {', '.join(missing)}"
        )
    return _Layout(
        delimiter=delimiter,
        width=len(columns),
        names=names,
        places={field: columns.index(name) for field, name in names.items()},
        parse=_PARSERS[history_format],
    )


def _parse_lines(lines: Iterator[str], layout: _Layout) -> Iterator[HistoryRow | SkippedRow]:
    """Yield one item for each record below the header; ignore blank lines."""
    reader = csv.reader(lines, delimiter=layout.delimiter, strict=True)
    while True:
        line = reader.line_num + 2
        try:
            values = next(reader)
            if not values:
                continue
            if len(values) != layout.width:
                raise RowError("field_count", "", f"{len(values)} instead of {layout.width}")
            yield layout.parse({name: values[at].strip() for name, at in layout.places.items()})
        except StopIteration:
            return
        except csv.Error as error:
            yield _skip(line, RowError("broken_csv", "", str(error)), layout.names)
        except RowError as error:
            yield _skip(line, error, layout.names)


def _skip(line: int, error: RowError, names: Mapping[str, str]) -> SkippedRow:
    column = names.get(error.field, error.field)
    named = RowError(error.problem, column, error.value)
    return SkippedRow(
        line=line,
        problem=error.problem,
        field=column,
        value=error.value,
        message=f"line {line}: {named}",
    )


def _parse_ctaopt(record: _Record) -> HistoryRow:
    return HistoryRow(
        test=record["test"],
        context=record["context"],
        text=record["text"],
        visitors=_count(record, "visitors"),
        clicks=_count(record, "clicks"),
        audience=record.get("audience", ""),
        locale=record.get("locale", ""),
        form=record.get("form", ""),
        placement=record.get("placement", ""),
        ended_on=_day(record),
        group=record.get("group", ""),
        suspect=_flag(record),
    )


def _parse_upworthy(record: _Record) -> HistoryRow:
    surroundings = "\x1f".join((record["excerpt"], record["lede"])).encode()
    digest = hashlib.sha256(surroundings).hexdigest()[:16]
    return HistoryRow(
        test=record["test"],
        context=f"{record['image']}:{digest}",
        text=record["text"],
        visitors=_count(record, "visitors"),
        clicks=_count(record, "clicks"),
        locale="en",
        form="link",
        ended_on=_day(record),
        # The archive's files do not name stories: tests that share an image share one.
        group=record.get("group") or (f"image:{record['image']}" if record["image"] else ""),
        suspect=_flag(record),
    )


_PARSERS: Mapping[HistoryFormat, Callable[[_Record], HistoryRow]] = {
    "ctaopt": _parse_ctaopt,
    "upworthy": _parse_upworthy,
}


def _count(record: _Record, field: str) -> int:
    value = record[field]
    if not value:
        raise RowError("empty", field)
    if not re.fullmatch(r"-?[0-9]{1,18}", value):
        problem: Problem = "too_large" if re.fullmatch(r"[0-9]+", value) else "not_a_count"
        raise RowError(problem, field, value)
    return int(value)


def _day(record: _Record) -> date | None:
    value = record.get("ended_on", "")
    if not value:
        return None
    try:
        return datetime.fromisoformat(value).date()
    except ValueError:
        raise RowError("not_a_date", "ended_on", value) from None


_FLAGS = {"": False, "0": False, "false": False, "no": False, "1": True, "true": True, "yes": True}


def _flag(record: _Record) -> bool:
    value = record.get("suspect", "")
    try:
        return _FLAGS[value.lower()]
    except KeyError:
        raise RowError("not_a_flag", "suspect", value) from None
