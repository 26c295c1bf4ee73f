"""Sentences about tables from files, in the active language: how one was read, and why not."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from experiments import formatting
from experiments.stats.engine.table_rows import ArmTableError
from tables.source import Reading, TableError

DELIMITERS = {
    ",": gettext_lazy("comma"),
    ";": gettext_lazy("semicolon"),
    "\t": gettext_lazy("tab"),
    "|": gettext_lazy("vertical bar"),
}
GROUPS = {
    " ": gettext_lazy("space"),
    ",": gettext_lazy("comma"),
    ".": gettext_lazy("dot"),
    "'": gettext_lazy("apostrophe"),
}
ORDERS = {
    "year first": gettext_lazy("year first"),
    "day first": gettext_lazy("day first"),
    "month first": gettext_lazy("month first"),
}
_OF_FILES = {
    "unreadable": gettext_lazy("The file cannot be read."),
    "empty": gettext_lazy("The file is empty, or has no line with names of columns."),
    "damaged": gettext_lazy("The file is damaged or cut short."),
    "not_text": gettext_lazy("The file is not text in its encoding: name another one."),
    "long_line": gettext_lazy("The file has a line that is far too long for a table."),
    "too_many_characters": gettext_lazy("The file is too large once it is unpacked."),
    "too_many_rows": gettext_lazy("The file has too many rows for this page."),
    "too_large": gettext_lazy("The workbook is too large once it is unpacked."),
    "no_values": gettext_lazy(
        "The workbook has formulas that were never computed: open it in your spreadsheet, and "
        "save it."
    ),
    "not_a_table": gettext_lazy(
        "This is neither a CSV nor an XLSX file: save it as one of these in your spreadsheet."
    ),
}
_OF_ARMS = {
    "no_such_column": gettext_lazy("There is no column “%(text)s”."),
    "column_twice": gettext_lazy("The column “%(text)s” is there twice, or chosen twice."),
    "no_metric": gettext_lazy("Choose at least one column to compare."),
    "no_arms": gettext_lazy("There are fewer than two arms: %(text)s"),
    "total_row": gettext_lazy("“%(text)s” is a row of totals and no arm: take it out."),
    "many_arms": gettext_lazy("There are more than %(text)s arms: is this the column of the arms?"),
    "no_such_control": gettext_lazy("No arm is called “%(text)s”."),
    "bad_rows": gettext_lazy("These rows cannot be read (%(text)s):"),
    "broken_row": gettext_lazy("has other cells than the header (%(text)s)."),
    "no_arm": gettext_lazy("has no arm."),
    "no_visitor": gettext_lazy("has no visitor."),
    "rounded_id": gettext_lazy(
        "%(column)s: “%(text)s” was rounded by a spreadsheet, so that several IDs look like one. "
        "Export them as text."
    ),
    "bad_number": gettext_lazy("%(column)s: “%(text)s” is not a number."),
    "ambiguous_number": gettext_lazy(
        "%(column)s: “%(text)s” may be thousands or decimals; name the decimal character."
    ),
    "not_a_count": gettext_lazy(
        "%(column)s: “%(text)s” is not a whole number. Values need one row a visitor."
    ),
    "above_visitors": gettext_lazy("%(column)s: %(text)s is more than the visitors of the row."),
    "negative": gettext_lazy("%(column)s: %(text)s is negative."),
    "bad_day": gettext_lazy("%(column)s: “%(text)s” is not a date."),
    "ambiguous_day": gettext_lazy(
        "%(column)s: “%(text)s” may be two dates; write them as YYYY-MM-DD."
    ),
}
# Problems whose text is a number that the core wrote, not a cell of the file.
_COUNTS = frozenset({"many_arms", "bad_rows"})
_NUMBERS = frozenset({"above_visitors", "negative"})


def table_error_in_words(error: TableError) -> str:
    """Return why a file cannot be read as a table."""
    return str(_OF_FILES[error.problem])


def arm_table_error_in_words(error: ArmTableError) -> list[str]:
    """Return why a table cannot be analysed; a sentence for each row at fault."""
    return [_arm_sentence(one) for one in (error, *error.faults)]


def _arm_sentence(error: ArmTableError) -> str:
    values = {"text": _value_in_words(error), "column": error.column}
    text = str(_OF_ARMS[error.problem]) % values
    if not error.line:
        return text
    return _("Line %(line)s: %(text)s") % {"line": formatting.count(error.line), "text": text}


def _value_in_words(error: ArmTableError) -> str:
    if error.problem in _COUNTS:
        return formatting.count(int(error.text))
    if error.problem in _NUMBERS:
        return formatting.threshold(float(error.text))
    return error.text


def reading_in_words(reading: Reading) -> Iterator[str]:
    """Yield how a file was read: encoding and separator, or sheet; lines before its header."""
    if reading.kind == "workbook":
        yield _("Sheet: %(name)s") % {"name": reading.sheet}
        if others := len(reading.sheets) - 1:
            yield ngettext(
                "%(count)s more sheet is not read.", "%(count)s more sheets are not read.", others
            ) % {"count": others}
    else:
        yield _encoding(reading)
        name = str(DELIMITERS.get(reading.delimiter, reading.delimiter))
        yield _("Separator of columns: %(name)s") % {"name": name}
    if reading.lines_before:
        yield ngettext(
            "%(count)s line before the header is passed over.",
            "%(count)s lines before the header are passed over.",
            reading.lines_before,
        ) % {"count": reading.lines_before}
    for part in reading.left_out:
        yield str(_LEFT_OUT[part])


_LEFT_OUT = {
    "macros": gettext_lazy("The workbook has macros: they are not run, only values are read."),
    "links": gettext_lazy(
        "The workbook has links to other files: they are not followed, only stored values are read."
    ),
}


def _encoding(reading: Reading) -> str:
    name = reading.encoding
    if reading.is_encoding_certain:
        return _("Encoding: %(name)s") % {"name": name}
    return _("Encoding: %(name)s, the likeliest") % {"name": name}
