"""Past tests from a file into the archive."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from experiments.services.learning.history_import import (
    ImportSummary,
    UnclearSiteError,
    import_for_site,
)
from ml.history.reading import FORMATS, HistoryFileError

SHOWN_SKIPS = 20


class Command(BaseCommand):
    help = "Take a history file into the archive. The same file again changes nothing."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="CSV, plain or gzipped")
        parser.add_argument("--format", choices=FORMATS, default="ctaopt")
        parser.add_argument(
            "--site",
            metavar="KEY",
            help="the site that the tests ran on (default: the site `default`, else the only "
            "site there is; `default` is made where there is none)",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            site, summary = import_for_site(
                site_key=options["site"], path=options["file"], history_format=options["format"]
            )
        except (UnclearSiteError, HistoryFileError) as error:
            raise CommandError(str(error)) from error
        self._tell(summary, f"{options['file']} -> archive of site {site.key}")

    def _tell(self, summary: ImportSummary, what: str) -> None:
        self.stdout.write(
            f"{what}: {summary.read:,} rows read, {summary.created:,} wordings new, "
            f"{summary.updated:,} updated, {summary.unchanged:,} unchanged, "
            f"{summary.pooled:,} rows pooled with another, {len(summary.skipped):,} skipped."
        )
        for row in summary.skipped[:SHOWN_SKIPS]:
            self.stderr.write(f"Skipped {row.message}")
        more = len(summary.skipped) - SHOWN_SKIPS
        if more > 0:
            self.stderr.write(f"... and {more:,} more rows skipped.")
