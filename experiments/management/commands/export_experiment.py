"""Export an experiment's report: JSON, tables for a spreadsheet, PDF or a notebook."""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from experiments.selectors import reports
from experiments.services.documents.report_files import FORMATS, TABLES, report_file
from experiments.services.exploration.report_view import ViewRefusedError


class Command(BaseCommand):
    help = "Write the report of an experiment to the standard output or a file."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", metavar="EXPERIMENT", help="key of the experiment")
        parser.add_argument("--format", choices=FORMATS, default="json")
        parser.add_argument(
            "--table",
            choices=TABLES,
            default="arms",
            help="the table of a CSV (default: arms); the other formats hold all",
        )
        parser.add_argument(
            "--language",
            choices=[code for code, _ in settings.LANGUAGES],
            default="en",
            help="language of headings; fr writes CSV with semicolons and decimal commas",
        )
        parser.add_argument(
            "--view",
            default="",
            metavar="CHOICES",
            help="a comparison as the address of the report has it: arm=b&segment=device=mobile",
        )
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="default: the standard output"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        experiment = reports.experiments_for_report().filter(key=options["key"]).first()
        if experiment is None:
            raise CommandError(f"There is no experiment {options['key']!r}.")
        try:
            file = report_file(
                experiment=experiment,
                now=timezone.now(),
                file_format=options["format"],
                language=options["language"],
                table=options["table"],
                view=dict(parse_qsl(options["view"])),
            )
        except ViewRefusedError as error:
            raise CommandError(str(error)) from error
        if options["output"] is None:
            # A byte order mark and a workbook are bytes, not text.
            sys.stdout.buffer.write(file.content)
            return
        try:
            options["output"].write_bytes(file.content)
        except OSError as error:
            raise CommandError(f"{options['output']}: {error.strerror}") from error
