"""Digests of visitors, to join events with tables of one's own."""

import csv
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from experiments.event_schema.digests import visitor_digest
from experiments.event_schema.messages import may_be_visitor
from experiments.selectors import catalogue
from experiments.services.catalogue.site_secrets import site_secret


class Command(BaseCommand):
    help = (
        "Read ids of visitors, one a line, from standard input; write each with the digest under "
        "which the site keeps it, as CSV."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--site", required=True, metavar="KEY", help="key of the site")

    def handle(self, *_: Any, **options: Any) -> None:
        site = catalogue.site_by_key(options["site"])
        if site is None:
            raise CommandError(f"There is no site {options['site']!r}.")
        key = site_secret(site.pk)
        table = csv.writer(self.stdout, lineterminator="\n")
        table.writerow(("id", "visitor"))
        for number, line in enumerate(sys.stdin, 1):
            visitor = line.rstrip("\r\n")
            if not may_be_visitor(visitor):
                raise CommandError(f"Line {number}: this is not a valid visitor ID.")
            table.writerow((visitor, visitor_digest(key, visitor)))
