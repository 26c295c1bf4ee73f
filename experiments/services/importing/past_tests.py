"""Past tests from an uploaded file: preview, import and undo."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from experiments import formatting
from experiments.models import Upload
from experiments.services.importing.previews import (
    LIMITS,
    Preview,
    Remark,
    Role,
    check_roles,
    opened,
    roles_of,
)
from experiments.services.importing.table_messages import (
    GROUPS,
    ORDERS,
    table_error_in_words,
)
from experiments.services.learning.history_import import import_upload, undo_import
from ml.history.layouts import ChosenColumns, HistoryFormat, fields_of, layout_of
from ml.history.reading import HistoryFile, HistoryFileError, IgnoredValue, SkippedRow
from ml.history.reading import Remark as RowRemark
from ml.history.row import HistoryRow
from tables.source import TableError

LABELS = {
    "test": gettext_lazy("test"),
    "context": gettext_lazy("context"),
    "text": gettext_lazy("wording"),
    "visitors": gettext_lazy("visitors"),
    "clicks": gettext_lazy("clicks"),
    "audience": gettext_lazy("audience"),
    "locale": gettext_lazy("language"),
    "form": gettext_lazy("form"),
    "placement": gettext_lazy("position"),
    "ended_on": gettext_lazy("ended"),
    "group": gettext_lazy("group"),
    "suspect": gettext_lazy("suspect"),
    "image": gettext_lazy("image"),
    "excerpt": gettext_lazy("excerpt"),
    "lede": gettext_lazy("lede"),
}
PROBLEMS = {
    "broken_csv": gettext_lazy("cannot be read as CSV"),
    "field_count": gettext_lazy("has another number of cells than the header"),
    "empty": gettext_lazy("is empty"),
    "not_a_count": gettext_lazy("is not a whole number"),
    "ambiguous_count": gettext_lazy(
        "may be thousands or decimals: write it without a separator of thousands"
    ),
    "negative": gettext_lazy("is negative"),
    "too_large": gettext_lazy("is impossibly large"),
    "clicks_exceed_visitors": gettext_lazy("are more than the visitors"),
    "not_a_date": gettext_lazy("is not a date: left out"),
    "ambiguous_date": gettext_lazy("may be two dates: left out; write it as YYYY-MM-DD"),
    "not_a_flag": gettext_lazy("is neither yes nor no: left out"),
    "repeated_header": gettext_lazy("repeats the header"),
    "nul_character": gettext_lazy("has a NUL character"),
    "total_row": gettext_lazy("is a row of totals, and no wording"),
    "rounded_id": gettext_lazy(
        "was rounded by a spreadsheet, so that several look like one: export it as text"
    ),
}


def preview_past_tests(path: Path, options: Mapping[str, Any]) -> Preview:
    """Return what an import of past tests would store.

    Raises:
        TableError: If the file cannot be read as a table.
        LookupError: If the encoding does not exist.
    """
    file_format = _format(options)
    table = opened(
        path, options, is_header=lambda columns: not layout_of(columns, file_format).missing
    )
    needed = fields_of(file_format)
    layout = layout_of(table.columns, file_format)
    fields = {at: name for name, at in layout.places.items()}
    guessed = [fields.get(at, "") for at in range(len(table.columns))]
    chosen, is_chosen = roles_of(table, options, guessed)
    preview = Preview(
        table=table,
        roles=tuple(
            Role(key=name, label=str(LABELS[name]), is_needed=is_needed)
            for name, is_needed in needed.items()
        ),
        chosen=chosen,
        is_whole=False,
    )
    if layout.twice and not is_chosen:
        names = ", ".join(layout.twice)
        preview.faults.append(
            _("Several columns are called %(names)s: choose one of them.") % {"names": names}
        )
    check_roles(preview)
    if not preview.faults:
        try:
            _read(preview, history_file(path, options, preview))
        except HistoryFileError as error:
            cause = error.__cause__
            words = table_error_in_words(cause) if isinstance(cause, TableError) else str(error)
            preview.faults.append(words)
    return preview


def import_past_tests(
    upload: Upload, path: Path, progress: Callable[[float], None]
) -> dict[str, Any]:
    """Import an upload; return its counts.

    Raises:
        HistoryFileError: If the file cannot be read any more.
    """
    preview = preview_past_tests(path, upload.options)
    file = history_file(path, upload.options, preview)
    if upload.undo is None and not upload.result:
        upload.undo = []
    summary = import_upload(upload=upload, file=file, progress=progress)
    return summary.counts


def undo_past_tests(upload: Upload) -> str:
    """Undo an import; return a sentence about it."""
    deleted, restored = undo_import(upload=upload)
    return _("Deleted: %(deleted)s; as before: %(restored)s.") % {
        "deleted": formatting.count(deleted),
        "restored": formatting.count(restored),
    }


def history_file(path: Path, options: Mapping[str, Any], preview: Preview) -> HistoryFile:
    """Return the file with the columns of the preview."""
    places = {role: at for at, role in enumerate(preview.chosen) if role}
    return HistoryFile(
        path,
        _format(options),
        encoding=options.get("encoding") or None,
        chosen=ChosenColumns(header=preview.table.columns, places=places),
        limits=LIMITS,
    )


def _format(options: Mapping[str, Any]) -> HistoryFormat:
    return cast("HistoryFormat", options.get("format") or "ctaopt")


def _read(preview: Preview, file: HistoryFile) -> None:
    visitors = clicks = 0
    tests = set()
    for item in file.items():
        if isinstance(item, HistoryRow):
            preview.n_good += 1
            visitors, clicks = visitors + item.visitors, clicks + item.clicks
            tests.add(item.test)
        else:
            preview.add(_remark(item))
    preview.facts += [
        (_("Rows"), formatting.count(preview.n_good)),
        (_("Tests"), formatting.count(len(tests))),
        (_("Visitors"), formatting.count(visitors)),
        (_("Clicks"), formatting.count(clicks)),
        (_("Click rate"), formatting.percent(clicks / visitors if visitors else None)),
    ]
    understood = file.understood
    if understood.thousands:
        preview.facts.append((_("Separator of thousands"), str(GROUPS[understood.thousands])))
    if understood.date_order:
        preview.facts.append((_("Dates"), str(ORDERS[understood.date_order])))


def _remark(item: RowRemark | SkippedRow | IgnoredValue) -> Remark:
    what = str(PROBLEMS[item.problem])
    text = f"{item.field} {what}".strip()
    if item.value and item.field:
        named = {"field": item.field, "value": item.value, "what": what}
        text = _("%(field)s “%(value)s” %(what)s") % named
    return Remark(line=item.line, text=text, is_refusal=isinstance(item, SkippedRow))


def result_in_words(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the counts of an import, as labels and values."""
    labels = (
        (_("Rows read"), "read"),
        (_("New wordings"), "created"),
        (_("Updated"), "updated"),
        (_("Unchanged"), "unchanged"),
        (_("Lines refused"), "refused"),
        (_("Visitors"), "visitors"),
        (_("Clicks"), "clicks"),
    )
    return [(label, formatting.count(result[key])) for label, key in labels]
