"""Count experiments again from their raw events."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from experiments.models import Experiment
from experiments.selectors import reports
from experiments.services.operations.planned_end import DaysStayError, move_days_to_zone_of_site
from experiments.services.rollups.folding import NothingToRebuildError, rebuild_rollups

LOST = "events of {} were dropped"


def _is_imported(experiment: Experiment) -> bool:
    return experiment.origin == Experiment.Origin.IMPORTED


def _rebuild(experiment: Experiment) -> str:
    rebuild_rollups(experiment=experiment)
    return "counted again"


def _move_days(experiment: Experiment) -> str:
    if move_days_to_zone_of_site(experiment=experiment, now=timezone.now()):
        return f"counted again, by days of {experiment.zone_of_days.key}"
    return "its days are those of its site already, or it has not been started"


class Command(BaseCommand):
    help = "Replace the rollups of experiments by a recount of their raw events."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("keys", nargs="+", metavar="KEY", help="key of an experiment")
        parser.add_argument(
            "--days-in-zone-of-site",
            action="store_true",
            help="by days of the site's time zone from now on; refused once anything is decided",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        experiments = {row.key: row for row in reports.experiments_by_key(options["keys"])}
        for key in options["keys"]:
            if key not in experiments:
                raise CommandError(f"There is no experiment {key!r}.")
        count = _move_days if options["days_in_zone_of_site"] else _rebuild
        for key, experiment in experiments.items():
            try:
                self.stdout.write(f"{key}: {count(experiment)}.")
            except NothingToRebuildError as error:
                subject = "figures of {} were imported" if _is_imported(experiment) else LOST
                raise CommandError(
                    f"The {subject.format(key)}: there are no events to count."
                ) from error
            except DaysStayError as error:
                raise CommandError(f"The days of {key} stay: {error}.") from error
