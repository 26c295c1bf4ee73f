"""A site from the files that export_site wrote."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from experiments.models import Site
from experiments.selectors import catalogue
from experiments.services.events.parquet_files import EventFilesError, import_events, read_manifest
from experiments.services.operations.site_transfer import (
    SiteFilesError,
    count_what_is_settled,
    import_catalogue,
)
from experiments.services.operations.transfer_seal import SealError, check_seal
from experiments.services.rollups.folding import fold_pending


class Command(BaseCommand):
    help = "Take a site in that was exported elsewhere. Broken off, it goes on when run again."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument(
            "--fingerprint",
            default="",
            help="as export_site showed it: confirms a folder that another installation wrote",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            check_seal(options["folder"], confirmed=options["fingerprint"])
            site = self._site(options["folder"])
            for file, n_new in import_events(site=site, folder=options["folder"]):
                self.stdout.write(f"{file.day}: {file.rows:,} events, {n_new:,} of them new.")
        except (EventFilesError, SealError, SiteFilesError) as error:
            raise CommandError(str(error)) from error
        fold_pending()
        count_what_is_settled(site=site)
        self.stdout.write(f"Site {site.key} is here; give it new server keys.")

    def _site(self, folder: Path) -> Site:
        """Return the site of the folder, made if a run before has not made it."""
        manifest = read_manifest(folder)
        site = catalogue.site_by_key(manifest.site) if manifest else None
        return site or import_catalogue(folder=folder)
