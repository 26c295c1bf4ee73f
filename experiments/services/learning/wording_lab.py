"""Long lists of wordings: read from a column, sorted by a worker, filtered and exported.

A small copy of the predictor sorts them, tens of thousands a second, without torch; the few that
are liked are then ranked by the predictor itself, with reasons.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from experiments.services.learning.jobs import JobFailedError
from ml import predict
from tables.reading import open_table
from tables.source import Limits, as_text
from tables.writing import Column, Value, WrittenTable, decimal_mark, write_csv

MOST_WORDINGS = 10_000
# Rows of a file that are read: some are empty or stand twice.
MOST_ROWS = 5 * MOST_WORDINGS
LIMITS = Limits(line=100_000, characters=20_000_000, rows=MOST_ROWS)
N_SHOWN = 10
# Characters of the name of a file that a job keeps.
MOST_NAME = 200
# Names of a column of wordings; otherwise it is the one with the most letters.
NAMES = ("wording", "wordings", "text", "headline", "cta", "formulation", "texte", "titre")


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingList:
    """Wordings as they will be sorted, each once, and those that were left out."""

    texts: tuple[str, ...]
    n_repeated: int
    too_long: tuple[str, ...]

    @property
    def is_too_many(self) -> bool:
        return len(self.texts) > MOST_WORDINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChoice:
    """A table of which one column holds the wordings."""

    columns: tuple[str, ...]
    chosen: str
    wordings: WordingList


class NoSuchColumnError(LookupError):
    """The table has no column of this name; the message names those that it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFilter:
    """Conditions on the wordings that are shown; an empty one lets all through."""

    text: str = ""
    shortest: int | None = None
    longest: int | None = None
    principle: str = ""

    def taken(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the wordings of a sorted list that are shown."""
        if self.principle:
            rows = [row for row in rows if self.principle in row["principles"]]
        if self.shortest is not None:
            rows = [row for row in rows if len(row["text"]) >= self.shortest]
        if self.longest is not None:
            rows = [row for row in rows if len(row["text"]) <= self.longest]
        if part := self.text.casefold():
            rows = [row for row in rows if part in row["text"].casefold()]
        return rows


def wording_list(lines: Iterable[str]) -> WordingList:
    """Return the wordings of some lines; of equal ones the first."""
    texts = [text for line in lines if (text := " ".join(line.split()))]
    distinct = dict.fromkeys(texts)
    return WordingList(
        texts=tuple(text for text in distinct if len(text) <= predict.PAGE_LENGTH),
        n_repeated=len(texts) - len(distinct),
        too_long=tuple(text for text in distinct if len(text) > predict.PAGE_LENGTH),
    )


def read_column(path: Path, *, column: str = "") -> ColumnChoice:
    """Return the wordings of a table's column.

    Args:
        path: CSV, plain or gzipped, or XLSX.
        column: Its name in the header, in any case; by default the one that is named so, or
            else the one with the most letters.

    Raises:
        NoSuchColumnError: If the table has no such column.
        TableError: If the file cannot be read as a table, or has more than MOST_ROWS rows.
    """
    table = open_table(path, limits=LIMITS)
    names = tuple(table.columns)
    rows = [tuple(map(as_text, row.cells)) for row in table.rows() if row.cells]
    at = _column(names, rows, column)
    return ColumnChoice(
        columns=names,
        chosen=names[at],
        wordings=wording_list(row[at] for row in rows if len(row) > at),
    )


def list_request(
    found: WordingList, *, locale: str, choice: ColumnChoice | None = None, file_name: str = ""
) -> dict[str, Any]:
    """Return what a job keeps of a list: all that is sorted, and what its page says of the rest."""
    file = None
    if choice:
        others = [name for name in choice.columns if name != choice.chosen]
        file = {"name": file_name[:MOST_NAME], "column": choice.chosen, "others": others}
    return {
        "is_list": True,
        "wordings": list(found.texts),
        "locale": locale,
        "n_repeated": found.n_repeated,
        "n_too_long": len(found.too_long),
        "file": file,
    }


def list_in_words(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a page shows of a job's list; jobs of former releases kept less of it."""
    return {
        "n": len(request["wordings"]),
        "first": request["wordings"][:N_SHOWN],
        "n_repeated": request.get("n_repeated", 0),
        "n_too_long": request.get("n_too_long", 0),
        "file": request.get("file"),
    }


def sort_in_job(request: Mapping[str, Any]) -> dict[str, Any]:
    """Sort the list of a job: its `wordings`, best first, with the principles that they use.

    `typed` is what its page shows of the list, which then need not be read.

    Raises:
        JobFailedError: If no predictor is active, or it has no small copy.
    """
    try:
        outcome = predict.rank_list(request["wordings"])
    except predict.PredictorError as error:
        raise JobFailedError(str(error)) from error
    locale = request["locale"]
    return outcome | {
        "typed": list_in_words(request),
        "locale": locale,
        "wordings": [
            row | {"rank": rank, "principles": predict.principles_of(row["text"], locale=locale)}
            for rank, row in enumerate(outcome["wordings"], start=1)
        ],
    }


def shown_rows(result: Mapping[str, Any], chosen: ListFilter) -> list[dict[str, Any]]:
    """Return the wordings of a sorted list that a filter lets through, best first."""
    return chosen.taken(result["wordings"])


def list_file(rows: Sequence[Mapping[str, Any]], *, file_format: str) -> bytes:
    """Return wordings of a sorted list as CSV or workbook (`xlsx`), in the active language."""
    names = predict.trait_names()
    table = WrittenTable(
        key="wordings",
        title=_("Sorted wordings"),
        columns=(
            Column(key="rank", title=_("Rank"), kind="count"),
            Column(key="wording", title=_("Wording")),
            Column(key="score", title=_("Score"), kind="fraction"),
            Column(key="known", title=_("Known words"), kind="fraction"),
            Column(key="length", title=_("Characters"), kind="count"),
            Column(key="principles", title=_("Principles")),
        ),
        rows=[_written(row, names) for row in rows],
    )
    if file_format == "xlsx":
        from tables.workbook_writing import write_workbook  # noqa: PLC0415

        return write_workbook([table])
    return write_csv(table, decimal=decimal_mark(get_language() or ""))


def _written(row: Mapping[str, Any], names: Mapping[str, str]) -> tuple[Value, ...]:
    used = ", ".join(names[key] for key in row["principles"] if key in names)
    return row["rank"], row["text"], row["score"], row["known_share"], len(row["text"]), used


def _column(names: Sequence[str], rows: Sequence[Sequence[str]], wanted: str) -> int:
    folded = [name.strip().casefold() for name in names]
    if wanted.strip():
        if wanted.strip().casefold() not in folded:
            raise NoSuchColumnError(", ".join(names))
        return folded.index(wanted.strip().casefold())
    named = [at for at, name in enumerate(folded) if name in NAMES]
    letters = [
        sum(character.isalpha() for row in rows[:100] for character in "".join(row[at : at + 1]))
        for at in range(len(names))
    ]
    return named[0] if named else letters.index(max(letters))
