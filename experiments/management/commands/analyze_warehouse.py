"""A report from the events in a warehouse instead of those of this service."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from experiments.models import Experiment
from experiments.selectors import reports
from experiments.services.analysis.rollup_source import StoredCounts
from experiments.services.analysis.warehouse_source import WarehouseCounts, count_in, differences
from experiments.services.reporting.full_report import full_report
from experiments.services.reporting.report_json import report_as_json
from experiments.warehouse.engines import WarehouseError, open_warehouse


class Command(BaseCommand):
    help = (
        "Have a warehouse count an experiment's events, and report on its sums (JSON, a line each)."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("keys", nargs="+", metavar="EXPERIMENT", help="key of an experiment")
        parser.add_argument(
            "--url",
            required=True,
            help="parquet:/FOLDER, duckdb:/FILE, postgres://..., clickhouse://... or a Spark "
            "master (spark://..., local[2]); see docs/warehouse.md",
        )
        parser.add_argument(
            "--table",
            default="events",
            help="table of the events, or for Spark a folder of Parquet files (default: events)",
        )
        parser.add_argument(
            "--compare",
            action="store_true",
            help="instead of the report, name what differs from this service's own rollups; "
            "exit status 1 if anything does",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        keys = options["keys"]
        experiments = {
            row.key: row for row in reports.experiments_for_report().filter(key__in=keys)
        }
        for key in keys:
            if key not in experiments:
                raise CommandError(f"There is no experiment {key!r}.")
        run = self._compare if options["compare"] else self._report
        try:
            with open_warehouse(options["url"], table=options["table"]) as warehouse:
                for key in keys:
                    run(experiments[key], count_in(warehouse, experiments[key]))
        except WarehouseError as error:
            raise CommandError(str(error)) from error

    def _report(self, experiment: Experiment, counts: WarehouseCounts) -> None:
        full = full_report(experiment=experiment, now=timezone.now(), counts=counts)
        self.stdout.write(json.dumps(report_as_json(full), cls=DjangoJSONEncoder))

    def _compare(self, experiment: Experiment, counts: WarehouseCounts) -> None:
        lines = differences(StoredCounts(experiment), counts)
        for line in lines:
            self.stderr.write(line)
        if lines:
            raise CommandError(f"{len(lines)} sums of {experiment.key} differ.", returncode=1)
        self.stdout.write(f"{experiment.key}: equal, {len(counts.rollups)} rows.")
