"""Rollups of ten million events on PostgreSQL: counting them anew, folding, and the report.

The events are made in the database, by a statement a day: 2.5 million visitors over four weeks, an
exposure that is repeated twice or more, a click of every tenth visitor, a conversion of every
twentieth. Beside each figure stands a bare scan of the same events in the same run. Wall time tells
of the machine with all that runs on it, CPU time of the work (client and server together).
"""

# ruff: noqa: PLC0415  Django is set up for a server that has to be started first.

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from recording import PROJECT, record

sys.path.insert(0, str(PROJECT))

from tests.servers import PostgresServer

EVENTS_A_VISITOR = 4
DAYS = 28
REPORTS = 15
FOLDS = 3
START = datetime(2026, 11, 1, tzinfo=UTC)
# Of a server on a small machine; what PostgreSQL is delivered with is meant for one of 1 GB.
SERVER = {"shared_buffers": "1GB", "work_mem": "128MB", "max_wal_size": "8GB"}
Figures = dict[str, Any]

MAKE = """
    INSERT INTO experiments_event (event_id, site_id, type, visitor, experiment_id, variant_id,
        propensity, goal, value, currency, attributes, occurred_at, received_at, flags, batch)
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008'
            || lpad(to_hex(v * {each} + j), 15, '0'))::uuid,
        {site}, kind, 'v-' || lpad(v::text, 12, '0'),
        CASE WHEN kind <> 'conversion' THEN {experiment} END,
        CASE WHEN kind <> 'conversion' THEN {first_arm} + v % 2 END,
        CASE WHEN kind <> 'conversion' THEN 0.5 END,
        CASE WHEN kind = 'conversion' THEN 'signup' ELSE '' END,
        CASE WHEN kind = 'conversion' THEN (v % 997) / 100.0 END,
        CASE WHEN kind = 'conversion' THEN 'EUR' ELSE '' END,
        CASE WHEN kind = 'exposure' THEN jsonb_build_object(
            'device', (ARRAY['mobile', 'desktop', 'tablet'])[1 + v % 3],
            'locale', (ARRAY['fr', 'en'])[1 + v / 2 % 2]) ELSE '{{}}' END,
        at, at, 0, {batch} + v / 10000
    FROM (
        SELECT v, j, timestamptz '{start}' + (v - {low}) * interval '86400 seconds' / {visitors}
                + j * interval '7 minutes' AS at,
            CASE WHEN j = 2 AND v % 10 = 0 THEN 'click' WHEN j = 3 AND v % 20 = 0
                THEN 'conversion' ELSE 'exposure' END AS kind
        FROM generate_series({low}::bigint, {low} + {visitors} - 1) v,
            generate_series(0, {each} - 1) j
    ) drawn
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=10_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, server() as postgres:
        set_up(Path(folder), postgres.create("bench"))
        record("rollups", measure(postgres, n_events=options.events))


@contextmanager
def server() -> Iterator[PostgresServer]:
    postgres = PostgresServer(**SERVER)
    try:
        yield postgres.start()
    finally:
        postgres.remove()


def set_up(folder: Path, url: str) -> None:
    import django

    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "ctaopt.settings.prod",
        "CTAOPT_DATA_DIR": str(folder / "data"),
        "DATABASE_URL": url,
    }
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def measure(postgres: PostgresServer, *, n_events: int) -> Figures:
    from experiments.services.rollups.folding import fold_pending, rebuild_rollups
    from tests import factories

    slot = factories.make_slot(factories.make_site("bench"))
    experiment = factories.make_running_experiment(
        slot,
        goal="signup",
        primary_metric="value_per_visitor",
        started_at=START,
        days_in="Europe/Paris",
    )
    made = timed(postgres, lambda: make_events(experiment, n_events))
    scan = timed(postgres, bare_scan)
    rebuild = timed(postgres, lambda: rebuild_rollups(experiment=experiment))
    again = timed(postgres, lambda: rebuild_rollups(experiment=experiment))
    fold = [fold_some(postgres, experiment, number, fold_pending) for number in range(FOLDS)]
    return {
        "events": made["result"],
        "bare_scan": seconds_of(scan),
        "rebuild_from_nothing": rates(rebuild, made["result"], scan),
        "rebuild_of_what_is_right": rates(again, made["result"], scan),
        "fold": {
            "events": fold[0]["result"],
            "events_per_s": statistics.median(
                rates(one, one["result"])["events_per_s"] for one in fold
            ),
            "events_per_cpu_s": statistics.median(
                rates(one, one["result"])["events_per_cpu_s"] for one in fold
            ),
        },
        "report": report_times(postgres, experiment.pk),
    }


def make_events(experiment: Any, n_events: int) -> int:
    """Fill a month, a day at a time; return how many events there are."""
    from django.db import connection

    from experiments.services.events.partitions import make_partitions

    make_partitions(START.date() + timedelta(days=n) for n in range(DAYS + 2))
    visitors = n_events // EVENTS_A_VISITOR // DAYS
    with connection.cursor() as cursor:
        for day in range(DAYS):
            cursor.execute(statement(experiment, day=day, low=day * visitors, visitors=visitors))
        cursor.execute("ANALYZE experiments_event")
    return visitors * EVENTS_A_VISITOR * DAYS


def statement(experiment: Any, *, day: int, low: int, visitors: int, batch: int = 1_000_000) -> str:
    return MAKE.format(
        each=EVENTS_A_VISITOR,
        site=experiment.slot.site_id,
        experiment=experiment.pk,
        first_arm=experiment.variants.get(arm=0).pk,
        start=(START + timedelta(days=day)).isoformat(),
        low=low,
        visitors=visitors,
        batch=batch,
    )


def fold_some(
    postgres: PostgresServer, experiment: Any, number: int, fold: Callable[[], int]
) -> Figures:
    """Measure the fold of fresh visitors' events beside all that is there."""
    from django.db import connection

    from experiments.models import PendingBatch

    visitors = 10_000
    batch = PendingBatch.objects.create(n_events=visitors * EVENTS_A_VISITOR, stored_at=START)
    low = 100_000_000 + number * visitors
    with connection.cursor() as cursor:
        made = statement(experiment, day=DAYS, low=low, visitors=visitors)
        cursor.execute(made.replace("1000000 + v / 10000", str(batch.pk)))
    return timed(postgres, fold)


def bare_scan() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), sum(length(visitor)) FROM experiments_event")


def report_times(postgres: PostgresServer, pk: int) -> Figures:
    """Measure what the report page and the API compute, from the experiment's row on."""
    from experiments.selectors import reports
    from experiments.services.reporting.full_report import full_report

    def report() -> None:
        experiment = reports.experiments_for_report().get(pk=pk)
        full_report(experiment=experiment, now=START + timedelta(days=DAYS))

    report()
    rounds = [timed(postgres, report) for _ in range(REPORTS)]
    times = [one["wall"] * 1000 for one in rounds]
    return {
        "median_ms": round(statistics.median(times), 1),
        "slowest_ms": round(max(times), 1),
        "mean_cpu_ms": round(statistics.mean(one["cpu"] * 1000 for one in rounds), 1),
    }


def timed(postgres: PostgresServer, work: Callable[[], Any]) -> Figures:
    cpu, began = cpu_seconds(postgres), time.perf_counter()
    result = work()
    wall = time.perf_counter() - began
    return {"result": result, "wall": wall, "cpu": cpu_seconds(postgres) - cpu}


def cpu_seconds(postgres: PostgresServer) -> float:
    """Return what this process and the server with its processes, ended ones too, have used."""
    pid = postgres.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ticks = sum(_ticks(pid, fields) for pid, fields in [(pid, 4), *((one, 2) for one in children)])
    return ticks / os.sysconf("SC_CLK_TCK") + time.process_time()


def _ticks(pid: int | str, fields: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # It ended meanwhile, and is counted with its parent from now on.
        return 0
    return sum(map(int, stat.rpartition(")")[2].split()[11 : 11 + fields]))


def seconds_of(measured: Figures) -> Figures:
    return {"seconds": round(measured["wall"], 2), "cpu_seconds": round(measured["cpu"], 2)}


def rates(measured: Figures, n_events: int, scan: Figures | None = None) -> Figures:
    figures = seconds_of(measured) | {
        "events_per_s": round(n_events / measured["wall"]),
        "events_per_cpu_s": round(n_events / max(measured["cpu"], 0.01)),
    }
    if scan is not None:
        figures["times_a_bare_scan"] = round(measured["wall"] / scan["wall"], 1)
        figures["cpu_times_a_bare_scan"] = round(measured["cpu"] / max(scan["cpu"], 0.01), 1)
    return figures


if __name__ == "__main__":
    main()
