"""The statistics engine for any counts: request JSON or an analyst's table in, result JSON out."""

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser

from experiments.stats.engine.analyze import analyze
from experiments.stats.engine.fields import InvalidRequest
from experiments.stats.engine.request import METHODS
from experiments.stats.engine.table_analysis import analyze_table, choose_columns
from experiments.stats.engine.table_rows import ArmTableError
from experiments.stats.estimation.multiplicity import CORRECTIONS
from tables.reading import open_table
from tables.source import TableError

BAD_INPUT = 2
# Options that are fields of the request.
FIELDS = ("method", "alpha", "correction", "planned_n")
ROLES = ("arm", "visitors", "visitor", "day")


class Command(BaseCommand):
    help = (
        "Analyse a request (JSON on standard input, see docs/statistics.md) or a table of yours "
        "(--table FILE); needs no database."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012  Django's own declaration

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--table",
            type=Path,
            metavar="FILE",
            help="CSV or XLSX with a row a visitor, a day and arm, or a campaign",
        )
        of_table = parser.add_argument_group("columns of the table, by name (default: guessed)")
        of_table.add_argument("--arm", metavar="COLUMN", help="names of the arms")
        of_table.add_argument(
            "--visitors", metavar="COLUMN", help="visitors of a row; '' if a row is one visitor"
        )
        of_table.add_argument(
            "--visitor", metavar="COLUMN", help="id of a visitor, whose rows are added up"
        )
        of_table.add_argument("--day", metavar="COLUMN", help="day, whose ends are looks")
        of_table.add_argument(
            "--metric", metavar="COLUMN", action="append", default=[], help="compared; repeatable"
        )
        of_table.add_argument("--control", metavar="ARM", help="name of the control")
        of_table.add_argument("--cap", type=float, help="largest value of a visitor")
        of_table.add_argument("--decimal", choices=(".", ","), help="decimal character")
        of_table.add_argument("--encoding", metavar="NAME", help="such as windows-1252")
        further = parser.add_argument_group("fields of the request, for a table")
        further.add_argument("--method", choices=METHODS)
        further.add_argument("--alpha", type=float)
        further.add_argument("--correction", choices=CORRECTIONS)
        further.add_argument("--planned-n", type=float)

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            if options["table"] is None:
                result = analyze(json.loads(sys.stdin.read(), parse_constant=_refuse))
            else:
                result = _of_table(options)
        except (InvalidRequest, ArmTableError) as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        except (TableError, LookupError) as error:
            raise CommandError(f"{options['table']}: {error}", returncode=BAD_INPUT) from error
        except (ValueError, RecursionError) as error:
            raise CommandError(f"request: is not JSON: {error}", returncode=BAD_INPUT) from error
        self.stdout.write(json.dumps(result, allow_nan=False))


def _of_table(options: dict[str, Any]) -> dict[str, Any]:
    table = open_table(options["table"], encoding=options["encoding"])
    chosen = {role: options[role] for role in ROLES if options[role] is not None}
    return analyze_table(
        table,
        choose_columns(table, chosen, metrics=options["metric"]),
        {name: options[name] for name in FIELDS if options[name] is not None},
        control=options["control"],
        cap=options["cap"],
        decimal=options["decimal"],
    )


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
