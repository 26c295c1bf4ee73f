"""Create or drop the read-only SQL views for BI tools."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from experiments.services.installation.reporting_views import (
    VIEWS,
    create_views,
    drop_views,
    present_views,
)

ABOUT_MIGRATIONS = (
    "`migrate` drops them before it changes a table and makes them again at its end. After one "
    "that failed, or was done backwards, run this command again."
)


class Command(BaseCommand):
    help = f"SQL views over experiments and results, for BI tools. {ABOUT_MIGRATIONS}"
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--create", action="store_true", help="make them, or make them anew")
        what.add_argument("--drop", action="store_true", help="take them away")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["create"]:
            create_views(connection)
            self.stdout.write(f"Created: {', '.join(VIEWS)}.\n{ABOUT_MIGRATIONS}")
            return
        there = drop_views(connection) if options["drop"] else present_views(connection)
        word = "Dropped" if options["drop"] else "There"
        self.stdout.write(f"{word}: {', '.join(there) or 'no view'}.")
