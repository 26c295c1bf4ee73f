"""Drop raw events that are older than they are to be kept; the rollups stay."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from experiments.services.operations.event_retention import (
    StillWaitingError,
    drop_old_events,
    planned_drop,
)


class Command(BaseCommand):
    help = "Drop raw events of earlier days than are kept; reports stay as they are."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days", type=int, help="days to keep, at least 90 (default: CTAOPT_EVENT_DAYS)"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and stop")

    def handle(self, *_: Any, **options: Any) -> None:
        days = settings.CTAOPT_EVENT_DAYS if options["days"] is None else options["days"]
        if not days:
            raise CommandError("CTAOPT_EVENT_DAYS is 0: events are kept. Say --days.")
        do, would = (planned_drop, "would be ") if options["dry_run"] else (drop_old_events, "")
        try:
            drop = do(now=timezone.now(), keep_days=days)
        except (ValueError, StillWaitingError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Before {drop.before}: {drop.n_events:,} events {would}dropped, {drop.n_settled:,} "
            f"visitors {would}counted as they stand, {drop.n_outcomes:,} of ended experiments "
            f"{would}forgotten."
        )
