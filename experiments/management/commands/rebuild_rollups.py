"""Count experiments again from their raw events."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from experiments.models import Experiment
from experiments.selectors import reports
from experiments.services.rollups.folding import NothingToRebuildError, rebuild_rollups

LOST = "events of {} were dropped"


def _is_imported(experiment: Experiment) -> bool:
    return experiment.origin == Experiment.Origin.IMPORTED


class Command(BaseCommand):
    help = "Replace the rollups of experiments by a recount of their raw events."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("keys", nargs="+", metavar="KEY", help="key of an experiment")

    def handle(self, *_: Any, **options: Any) -> None:
        experiments = {row.key: row for row in reports.experiments_by_key(options["keys"])}
        for key in options["keys"]:
            if key not in experiments:
                raise CommandError(f"There is no experiment {key!r}.")
        for key, experiment in experiments.items():
            try:
                rebuild_rollups(experiment=experiment)
            except NothingToRebuildError as error:
                subject = "figures of {} were imported" if _is_imported(experiment) else LOST
                raise CommandError(
                    f"The {subject.format(key)}: there are no events to count."
                ) from error
            self.stdout.write(f"{key}: counted again.")
