"""Erase a visitor: the events, the contribution to every experiment, late copies too."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from experiments.selectors import catalogue
from experiments.services.operations.visitor_erasure import NotErasedError, erase_visitor


class Command(BaseCommand):
    help = "Erase what is known of a visitor of a site. Again it changes nothing."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("visitor", metavar="VISITOR", help="the id that was served")
        parser.add_argument("--site", required=True, metavar="KEY", help="key of the site")

    def handle(self, *_: Any, **options: Any) -> None:
        site = catalogue.site_by_key(options["site"])
        if site is None:
            raise CommandError(f"There is no site {options['site']!r}.")
        try:
            erased = erase_visitor(site=site, visitor=options["visitor"], now=timezone.now())
        except NotErasedError as error:
            raise CommandError(str(error)) from error
        if not erased.was_known:
            raise CommandError(f"Nothing is known of {options['visitor']!r} on {site.key}.")
        self.stdout.write(
            f"{erased.n_events:,} events erased, taken out of {erased.n_experiments:,} experiments."
        )
