"""A site as files: its catalogue, its experiments, and its events as Parquet."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from experiments.selectors import catalogue
from experiments.services.events.parquet_files import EventFilesError, export_events
from experiments.services.operations.site_transfer import export_catalogue
from experiments.services.operations.transfer_seal import seal_folder


class Command(BaseCommand):
    help = "Write a site to a folder: for a warehouse, or to move it. Again it writes what is new."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("site", metavar="SITE", help="key of the site")
        parser.add_argument("folder", type=Path, metavar="FOLDER")

    def handle(self, *_: Any, **options: Any) -> None:
        site = catalogue.site_by_key(options["site"])
        if site is None:
            raise CommandError(f"There is no site {options['site']!r}.")
        n_days = n_events = 0
        try:
            for file, is_new in export_events(site=site, folder=options["folder"]):
                n_days += 1
                n_events += file.rows
                if is_new:
                    self.stdout.write(f"{file.day}: {file.rows:,} events.")
            n_rows = export_catalogue(site=site, folder=options["folder"])
            found = seal_folder(options["folder"])
        except (EventFilesError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{n_events:,} events of {n_days:,} days, {n_rows:,} rows beside them.")
        self.stdout.write(f"Fingerprint, for import_site elsewhere: {found}")
