"""Past tests from a file into the archive."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from experiments.services.learning.history_import import (
    ImportSummary,
    UnclearSiteError,
    import_for_site,
)
from ml.history.layouts import FORMATS
from ml.history.reading import HistoryFileError, Remark, Understood

SHOWN_REMARKS = 20
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_GROUPS = {" ": "space", ",": "comma", ".": "dot", "'": "apostrophe"}


class Command(BaseCommand):
    help = (
        "Take a history file into the archive. The same file again changes nothing. The exit "
        "status is 1 if no row could be taken."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", type=Path, metavar="FILE", help="CSV, plain or gzipped, or XLSX"
        )
        parser.add_argument("--format", choices=FORMATS, default="ctaopt")
        parser.add_argument(
            "--site",
            metavar="KEY",
            help="the site that the tests ran on (default: the site `default`, else the only "
            "site there is; `default` is made where there is none)",
        )
        parser.add_argument(
            "--encoding",
            metavar="NAME",
            help="encoding of the text, such as windows-1252 (default: told from its bytes)",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            site, summary = import_for_site(
                site_key=options["site"],
                path=options["file"],
                history_format=options["format"],
                encoding=options["encoding"],
            )
        except (UnclearSiteError, HistoryFileError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_in_words(summary.understood))
        archive = f"archive of site {site.key}" if site else "no archive"
        self._tell(summary, f"{options['file']} -> {archive}")
        if not summary.taken:
            raise CommandError(f"{options['file']}: no row could be taken.")

    def _tell(self, summary: ImportSummary, what: str) -> None:
        self.stdout.write(
            f"{what}: {summary.read:,} rows read, {summary.created:,} wordings new, "
            f"{summary.updated:,} updated, {summary.unchanged:,} unchanged, "
            f"{summary.pooled:,} rows pooled with another, {len(summary.skipped):,} skipped; "
            f"{summary.visitors:,} visitors and {summary.clicks:,} clicks in all."
        )
        self._list("Skipped", "rows skipped", summary.skipped)
        self._list("Left out a value:", "values left out", summary.ignored)

    def _list(self, what: str, them: str, remarks: Sequence[Remark]) -> None:
        for remark in remarks[:SHOWN_REMARKS]:
            self.stderr.write(f"{what} {remark.message}")
        more = len(remarks) - SHOWN_REMARKS
        if more > 0:
            self.stderr.write(f"... and {more:,} more {them}.")


def _in_words(understood: Understood) -> str:
    """Return how a file was read, in one line."""
    reading = understood.reading
    parts = []
    if reading.kind == "workbook":
        others = len(reading.sheets) - 1
        parts.append(f"sheet {reading.sheet!r}" + (f" ({others} more not read)" if others else ""))
    else:
        likeliest = "" if reading.is_encoding_certain else " (the likeliest; see --encoding)"
        parts.append(f"{reading.encoding}{likeliest}")
        parts.append(f"columns by {_DELIMITERS.get(reading.delimiter, repr(reading.delimiter))}")
    if reading.lines_before:
        parts.append(f"{reading.lines_before} lines before the header")
    if understood.thousands:
        parts.append(f"thousands by {_GROUPS[understood.thousands]}")
    if understood.date_order:
        parts.append(f"dates {understood.date_order}")
    if understood.unused:
        parts.append(f"columns not used: {', '.join(understood.unused)}")
    return f"Read as {'; '.join(parts)}."
