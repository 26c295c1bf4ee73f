"""The report of ten million events whose shares changed thirty times, from its rows.

The rows are written as the fold would leave them: 2.5 million visitors with four events each, 28
days, 30 phases, two and five arms, six segments and a goal of a guardrail. Wall time of the whole
report (database, statistics, verdict) and of its database reads alone, SQLite in memory, in turns.
CPU time beside it holds on a machine that has other work, too.

The page of such a report is measured first (`--page`: alone), into a file of its own: 90 days, five
arms, twenty segments, one phase; CPU time of the whole answer to a request in this process, its
bytes before compression, its queries.
"""
# ruff: noqa: E402, PLC0415 - the path and Django are set up before what depends on them

import os
import statistics
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

# The file runs as a script and as a module.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from recording import record

VISITORS, EVENTS_A_VISITOR, DAYS, PHASES, SEED = 2_500_000, 4, 28, 30, 20_261_128
SEGMENTS = ("", "device=mobile", "device=desktop", "locale=fr", "locale=en", "new_visitor=true")
REPORTS, TARGET_MS = 15, 200
PAGE_DAYS, PAGE_ARMS, PAGE_TARGET_MS, PAGE_TARGET_KB = 90, 5, 300, 150
PAGE_SEGMENTS = (
    *("", "device=mobile", "device=desktop", "device=tablet"),
    *(f"locale={name}" for name in ("fr", "en", "de", "es", "it", "nl", "pt", "pl")),
    *(f"country={name}" for name in ("FR", "US", "DE", "ES", "IT", "GB", "BE")),
    *("new_visitor=true", "new_visitor=false"),
)


def main() -> None:
    set_up()
    record("report_page", {"seed": SEED, **measured_page()})
    if "--page" in sys.argv:
        return
    record(
        "report",
        {
            "seed": SEED,
            "events": VISITORS * EVENTS_A_VISITOR,
            "phases": PHASES,
            "days": DAYS,
            "target_ms": TARGET_MS,
            "medians_ms": {f"{arms} arms": measured(arms) for arms in (2, 5)},
        },
    )


def set_up() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "ctaopt.settings.test"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def measured(arms: int) -> dict[str, float]:
    from experiments.selectors import reports
    from experiments.services.analysis.rollup_source import StoredCounts
    from experiments.services.reporting.full_report import full_report
    from tests.factories import NOW

    experiment = reports.experiments_for_report().get(pk=make_experiment(arms).pk)

    def read() -> list[Any]:
        counts = StoredCounts(experiment)
        return [*counts.everybody(), *counts.outcomes()]

    report = "whole report", lambda: full_report(experiment=experiment, now=NOW)
    return {**medians(report, ("reading the rows alone", read)), "rows": float(len(read()))}


def measured_page() -> dict[str, float]:
    """Return the CPU time of the report page, a median after a first request, and its size."""
    import time_machine
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    from tests.factories import NOW

    experiment = make_experiment(
        PAGE_ARMS, days=PAGE_DAYS, phases=1, segments=PAGE_SEGMENTS, name="page"
    )
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("reader"))
    url = reverse("admin:experiments_experiment_report", args=[experiment.pk])
    with time_machine.travel(NOW, tick=True):
        client.get(url)
        with CaptureQueriesContext(connection) as queries:
            page = client.get(url)
        # Counted before the next request forgets them.
        n_queries = len(queries)
        cpu = medians(("page", lambda: client.get(url)))["page, CPU"]
    return {
        "arms": PAGE_ARMS,
        "days": PAGE_DAYS,
        "segments": len(PAGE_SEGMENTS) - 1,
        "cpu_ms": cpu,
        "cpu_target_ms": PAGE_TARGET_MS,
        "kb": round(len(page.content) / 1_000, 1),
        "kb_target": PAGE_TARGET_KB,
        "queries": n_queries,
    }


def make_experiment(
    arms: int,
    *,
    days: int = DAYS,
    phases: int = PHASES,
    segments: tuple[str, ...] = SEGMENTS,
    name: str = "bench",
) -> Any:
    import numpy as np

    from experiments.models import GoalRollup, Guardrail, Rollup
    from tests import factories

    rng = np.random.default_rng([SEED, arms])
    site = factories.make_site(f"{name}-{arms}")
    keys = ("control", *(f"arm-{arm}" for arm in range(1, arms)))
    first = [1.0 - 0.1 * (arms - 1)] + [0.1] * (arms - 1)
    experiment = factories.make_running_experiment(
        factories.make_slot(site, "hero"),
        f"{name}-{arms}",
        shares=dict(zip(keys, map(str, np.round(first, 4)), strict=True)),
        planned_visitors=VISITORS,
        started_at=factories.NOW - timedelta(days=days),
    )
    Guardrail.objects.create(experiment=experiment, metric="conversion_rate", goal="signup")
    # Every phase has other shares: the control gives up a little to the last arm.
    courses = [
        ([round(first[0] - 0.01 * step, 4), *first[1:-1], round(first[-1] + 0.01 * step, 4)], 1.0)
        for step in range(phases)
    ]
    factories.make_phases(experiment, *courses)
    cells = [
        (day, phase)
        for day in range(days)
        for phase in range(phases)
        if phases == 1 or phase in (day, day + 1)
    ]
    rows, goals = [], []
    for day, phase in cells:
        at = factories.NOW.date() - timedelta(days=days - day)
        visitors = rng.multinomial(VISITORS // len(cells), np.array(courses[phase][0]))
        for variant, n in zip(experiment.variants.order_by("arm"), visitors, strict=True):
            common = {"experiment": experiment, "variant": variant, "day": at, "phase": phase}
            for segment in segments:
                part = int(n) if not segment else int(n) // 2
                clicks = int(rng.binomial(part, 0.1))
                rows.append(
                    Rollup(**common, segment=segment, visitors=part, clicking_visitors=clicks)
                )
            signups = int(rng.binomial(n, 0.05))
            goals.append(GoalRollup(**common, goal="signup", converting_visitors=signups))
    Rollup.objects.bulk_create(rows)
    GoalRollup.objects.bulk_create(goals)
    return experiment


def medians(*works: tuple[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median wall time and CPU time of each, after a first run, in milliseconds."""
    times: dict[str, list[float]] = {}
    for _ in range(1 + REPORTS):
        for name, work in works:
            wall, cpu = perf_counter(), process_time()
            work()
            times.setdefault(name, []).append(perf_counter() - wall)
            times.setdefault(f"{name}, CPU", []).append(process_time() - cpu)
    return {name: round(1_000 * statistics.median(found[1:]), 1) for name, found in times.items()}


if __name__ == "__main__":
    main()
