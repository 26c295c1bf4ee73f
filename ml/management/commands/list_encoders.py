"""List the encoders of this machine, and those that can be installed by a short name."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ml import predict
from ml.management.output import as_json, table


class Command(BaseCommand):
    help = "List the encoders of this machine: size, licence, languages, predictors that need them."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        listed = predict.list_encoders()
        if options["json"]:
            encoders = [
                {
                    **predict.encoder_fields(each.about),
                    "packaged": each.is_packaged,
                    "predictors": each.predictors,
                    "active": each.active,
                }
                for each in listed
            ]
            self.stdout.write(as_json({"encoders": encoders}))
            return
        header = ["encoder", "model", "MB", "licence", "languages", "predictors"]
        self.stdout.write(table([header, *map(_row, listed)]))
        if absent := [each.key for each in predict.absent_encoders()]:
            self.stdout.write(f"To install: manage.py install_encoder {{{','.join(absent)}}}")


def _row(each: predict.ListedEncoder) -> list[str]:
    about = each.about
    languages = ", ".join(about.languages[:4]) or "-"
    if len(about.languages) > 4:
        languages = f"{languages} and {len(about.languages) - 4} more"
    numbers = [f"{at} (active)" if at == each.active else str(at) for at in each.predictors]
    return [
        about.key,
        about.title,
        f"{about.size / 1e6:,.0f}",
        about.licence or "-",
        languages,
        ", ".join(numbers) or "-",
    ]
