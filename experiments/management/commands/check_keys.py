"""Name the keys that end soon: for an operator, or for a monitor that reads exit statuses."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from experiments.services.operations.key_expiry import (
    WARNED_BEFORE,
    ending_in_words,
    ending_keys,
)


class Command(BaseCommand):
    help = "Name the keys that end soon and would be missed. Exit status 1 if there are any."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days",
            type=int,
            default=WARNED_BEFORE.days,
            metavar="N",
            help="days ahead to look (default: %(default)s)",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        within = timedelta(days=options["days"])
        found = ending_keys(now=timezone.now(), within=within)
        for one in found:
            self.stdout.write(ending_in_words(one))
        if found:
            raise CommandError(f"Keys that end within {options['days']} days: {len(found)}.")
        self.stdout.write(f"No key ends within {options['days']} days.")
