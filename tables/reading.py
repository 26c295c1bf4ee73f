"""Tables from files of any kind that is taken: delimited text, plain or gzipped, and workbooks."""

from pathlib import Path

from tables.delimited import IsHeader, open_delimited
from tables.source import Limits, Table, TableError
from tables.workbook import is_workbook, open_workbook


def open_table(
    path: Path,
    *,
    is_header: IsHeader = bool,
    limits: Limits | None = None,
    encoding: str | None = None,
) -> Table:
    r"""Open a table and find its header.

    Args:
        path: CSV (comma, semicolon, tab, bar), plain or gzipped, or XLSX.
        is_header: Whether names of columns are those of the header that is looked for; by
            default the first line with content is the header.
        limits: The most that is read; by default `Limits()`.
        encoding: Name of the codec of a text where it is known.

    Returns:
        The table, whose rows are read when asked for.

    Raises:
        TableError: If the file cannot be read, is empty, or is longer than the limits.
        LookupError: If the codec does not exist.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "export.csv"
    ...     _ = file.write_bytes("sep=;\r\nWording;Clicks\r\nDécouvrir;1 200\r\n".encode("cp1252"))
    ...     table = open_table(file)
    ...     table.columns, [row.cells for row in table.rows()], table.reading.encoding
    (('Wording', 'Clicks'), [('Découvrir', '1 200')], 'cp1252')
    """
    limits = limits or Limits()
    try:
        has_sheets = is_workbook(path)
    except OSError as error:
        raise TableError("unreadable", error.strerror or str(error)) from error
    if has_sheets:
        return open_workbook(path, is_header=is_header, limits=limits)
    return open_delimited(path, is_header=is_header, limits=limits, encoding=encoding)
