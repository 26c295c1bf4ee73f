"""Export a visitor: all that is stored of them on a site, as JSON for the person."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from experiments.selectors import catalogue
from experiments.services.operations.visitor_export import NotExportedError, export_visitor


class Command(BaseCommand):
    help = "Write all that is stored of a visitor of a site to the standard output."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("site", metavar="SITE", help="key of the site")
        parser.add_argument("visitor", metavar="VISITOR", help="the id that was served")
        parser.add_argument("--format", choices=("json",), default="json")

    def handle(self, *_: Any, **options: Any) -> None:
        site = catalogue.site_by_key(options["site"])
        if site is None:
            raise CommandError(f"There is no site {options['site']!r}.")
        try:
            found = export_visitor(site=site, visitor=options["visitor"], now=timezone.now())
        except NotExportedError as error:
            raise CommandError(str(error)) from error
        if found is None:
            raise CommandError(f"Nothing is known of {options['visitor']!r} on {site.key}.")
        self.stdout.write(json.dumps(found, ensure_ascii=False, indent=2))
