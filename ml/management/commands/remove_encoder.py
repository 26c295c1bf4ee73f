"""Remove an installed encoder; refused while the active predictor needs it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ml import predict


class Command(BaseCommand):
    help = (
        "Remove an installed encoder and its cached vectors. It is refused while the active "
        "predictor needs it; an earlier predictor that needs it gives no prediction until it is "
        "installed again."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="key, as list_encoders shows it")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            predict.remove_encoder(options["name"])
        except predict.PredictorError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Removed: {options['name']}.")
