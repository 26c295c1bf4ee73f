"""Input and output of the predictor's commands: history files in, figures out."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from ml.history.layouts import FORMATS, HistoryFormat
from ml.history.reading import HistoryFileError, Remark, SkippedRow, iter_history
from ml.history.row import HistoryRow
from ml.scoring.manifest import EstimateRecord, interval_of

SHOWN_SKIPS = 20


class HistoryFiles:
    """Rows of several history files; rows that cannot be read are named and counted.

    Args:
        paths: Files, read one after the other.
        history_format: Format of them all.
        stderr: Stream on which skipped rows are named.
    """

    def __init__(
        self, paths: Sequence[Path], history_format: HistoryFormat, stderr: OutputWrapper
    ) -> None:
        self._paths = paths
        self._format: HistoryFormat = history_format
        self._stderr = stderr
        self.n_skipped = 0
        self._n_remarks = 0

    def rows(self) -> Iterator[HistoryRow]:
        """Yield the rows; a file that cannot be read ends the command with one line."""
        for path in self._paths:
            try:
                for item in iter_history(path, self._format):
                    if isinstance(item, HistoryRow):
                        yield item
                    else:
                        self._report(path, item)
            except HistoryFileError as error:
                raise CommandError(str(error)) from error
        if self.n_skipped > SHOWN_SKIPS:
            self._stderr.write(f"... {self.n_skipped} rows skipped in all.")

    def _report(self, path: Path, remark: Remark) -> None:
        is_skip = isinstance(remark, SkippedRow)
        self.n_skipped += is_skip
        self._n_remarks += 1
        if self._n_remarks <= SHOWN_SKIPS:
            what = "Skipped" if is_skip else "Left out a value of"
            self._stderr.write(f"{what} {path}, {remark.message}")


def add_format_argument(parser: ArgumentParser) -> None:
    """Add `--format` to a command that reads history files."""
    parser.add_argument(
        "--format", choices=FORMATS, default="ctaopt", help="columns of the file (default: ctaopt)"
    )


def as_json(value: Mapping[str, Any]) -> str:
    """Return one JSON object; a figure that is not finite would be a bug and is refused."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def shown(estimate: EstimateRecord | None, *, digits: int = 3) -> str:
    """Return `0.599 [0.587, 0.611]`, or `-` where the figure is undefined."""
    interval = interval_of(estimate)
    if interval is None:
        return "-"
    value, low, high = (f"{figure:.{digits}f}" for figure in interval)
    return f"{value} [{low}, {high}]"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned columns."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
