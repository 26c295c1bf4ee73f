"""Writing of history files in the product's own format."""

import csv
import gzip
import io
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, cast

from ml.files import open_whole
from ml.history.row import COLUMNS, HistoryRow


def write_ctaopt(rows: Iterable[HistoryRow], path: Path) -> int:
    """Write rows in the `ctaopt` format, atomically.

    Args:
        rows: Rows, streamed.
        path: Target; gzipped when its name ends in `.gz`. An existing file is replaced.

    Returns:
        Number of rows written.

    Raises:
        OSError: If the folder cannot be written.

    >>> import tempfile
    >>> from ml.history.reading import read_history
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "past.csv.gz"
    ...     row = HistoryRow(test="t", context="", text="Go", visitors=9, clicks=1)
    ...     count = write_ctaopt([row], file)
    ...     count, read_history(file, "ctaopt").rows == (row,)
    (1, True)
    """
    with open_whole(path) as raw:
        return _write_rows(rows, raw, zipped=path.suffix == ".gz")


def _write_rows(rows: Iterable[HistoryRow], raw: BinaryIO, *, zipped: bool) -> int:
    if not zipped:
        return _write_csv(rows, raw)
    # Without name and time inside, so that equal rows give equal files.
    with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
        return _write_csv(rows, cast("BinaryIO", packed))


def _write_csv(rows: Iterable[HistoryRow], raw: BinaryIO) -> int:
    text = io.TextIOWrapper(raw, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)  # CR LF as in RFC 4180; with LF alone a CR in a field is not quoted
    writer.writerow(COLUMNS)
    count = 0
    for row in rows:
        writer.writerow(_csv_values(row))
        count += 1
    text.detach()
    return count


def _csv_values(row: HistoryRow) -> list[str]:
    values = asdict(row) | {
        "ended_on": row.ended_on.isoformat() if row.ended_on else "",
        "suspect": int(row.suspect),
    }
    return [str(values[name]) for name in COLUMNS]
