"""Export the results of all past tests as a Parquet file for a BI tool."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from experiments.models import Site
from experiments.services.archive.results_file import write_results


class Command(BaseCommand):
    help = "Write the results of all finished experiments and imported tests as Parquet."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("output", type=Path, metavar="FILE", help="replaced if it is there")
        parser.add_argument(
            "--site",
            action="append",
            default=[],
            metavar="KEY",
            help="only this site; may be repeated (default: all)",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        sites, keys = Site.objects.all(), set(options["site"])
        if keys:
            sites = sites.filter(key__in=keys)
            if unknown := keys - set(sites.values_list("key", flat=True)):
                raise CommandError(f"There is no site {sorted(unknown)[0]!r}.")
        target: Path = options["output"]
        aside = target.with_name(f".{target.name}.part")
        try:
            with aside.open("wb") as file:
                n_rows = write_results(file, sites=sites)
            aside.replace(target)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise CommandError(f"{target}: {error.strerror}") from error
        self.stdout.write(f"{target}: {n_rows} wordings.")
