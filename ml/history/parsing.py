"""Parsing of the cells of a history file into rows, by the evidence of their columns."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from ml.history.layouts import HistoryFormat
from ml.history.row import HistoryRow, RowError
from tables.dates import DateColumn, DateError
from tables.flags import read_flag
from tables.labels import is_rounded, is_total
from tables.numbers import NumberColumn, NumberError
from tables.source import Cell, as_text

COUNTS = ("visitors", "clicks")
DAY = "ended_on"

Record = Mapping[str, Cell]


class RecordParser:
    """Parser of records, which first learns how the numbers and dates of the file are written.

    Args:
        history_format: Format of the file.
    """

    def __init__(self, history_format: HistoryFormat) -> None:
        self._texts = _TEXTS[history_format]
        # Visitors and clicks are written alike.
        self.counts = NumberColumn(whole=True)
        self.days = DateColumn()

    def learn(self, record: Record) -> None:
        """Take the cells of a record as evidence.

        Args:
            record: Cells by field.
        """
        self.counts.learn(cell for field in COUNTS if isinstance(cell := record[field], str))
        if isinstance(day := record.get(DAY), str) and day:
            self.days.learn([day])

    def parse(self, record: Record, ignored: Callable[[RowError], None]) -> HistoryRow:
        """Return the row of a record.

        Args:
            record: Cells by field.
            ignored: Is called for each optional value that cannot be used and is left out.

        Raises:
            RowError: If a value that a row needs is invalid.
        """
        ended_on, suspect = None, False
        try:
            ended_on = self._day(record)
        except RowError as error:
            ignored(error)
        try:
            suspect = self._flag(record)
        except RowError as error:
            ignored(error)
        _refuse_no_arm(record)
        texts = self._texts(_storable(record))
        visitors, clicks = (self._count(record, field) for field in COUNTS)
        return HistoryRow(
            **texts, visitors=visitors, clicks=clicks, ended_on=ended_on, suspect=suspect
        )

    def _count(self, record: Record, field: str) -> int:
        cell = record[field]
        if isinstance(cell, int | float) and not isinstance(cell, bool):
            if not float(cell).is_integer():
                raise RowError("not_a_count", field, as_text(cell))
            return int(cell)
        text = as_text(cell)
        try:
            return self.counts.read_count(text)
        except NumberError as error:
            if error.problem == "empty":
                raise RowError("empty", field) from None
            if error.problem == "ambiguous":
                raise RowError("ambiguous_count", field, text) from None
            is_long = text.isascii() and text.isdigit()
            raise RowError("too_large" if is_long else "not_a_count", field, text) from None

    def _day(self, record: Record) -> date | None:
        cell = record.get(DAY)
        if isinstance(cell, datetime):
            return cell.date()
        if isinstance(cell, date):
            return cell
        if not (text := as_text(cell)):
            return None
        try:
            return self.days.read(text)
        except DateError as error:
            raise RowError(error.problem, DAY, text) from None

    def _flag(self, record: Record) -> bool:
        text = as_text(record.get("suspect"))
        try:
            return read_flag(text)
        except ValueError:
            raise RowError("not_a_flag", "suspect", text) from None


def _refuse_no_arm(record: Record) -> None:
    """Raise RowError for a row that adds up others, or whose test cannot be told from others."""
    if is_rounded(record["test"]):
        raise RowError("rounded_id", "test", as_text(record["test"]))
    for field in ("test", "text"):
        if is_total(text := as_text(record[field]), may_be_wording=True):
            raise RowError("total_row", field, text)


def _storable(record: Record) -> dict[str, str]:
    """Return the texts; refuse what SQLite would store and PostgreSQL would not."""
    texts = {field: as_text(cell) for field, cell in record.items()}
    for field, text in texts.items():
        if "\x00" in text:
            raise RowError("nul_character", field)
    return texts


def _ctaopt(texts: Mapping[str, str]) -> dict[str, Any]:
    optional = ("context", "audience", "locale", "form", "placement", "group")
    return {
        "test": texts["test"],
        "text": texts["text"],
        **{field: texts.get(field, "") for field in optional},
    }


def _upworthy(texts: Mapping[str, str]) -> dict[str, Any]:
    surroundings = "\x1f".join((texts["excerpt"], texts["lede"])).encode()
    digest = hashlib.sha256(surroundings).hexdigest()[:16]
    image = texts["image"]
    return {
        "test": texts["test"],
        "context": f"{image}:{digest}",
        "text": texts["text"],
        "locale": "en",
        "form": "link",
        # The archive's files do not name stories: tests that share an image share one.
        "group": texts.get("group") or (f"image:{image}" if image else ""),
    }


_TEXTS: Mapping[HistoryFormat, Callable[[Mapping[str, str]], dict[str, Any]]] = {
    "ctaopt": _ctaopt,
    "upworthy": _upworthy,
}
