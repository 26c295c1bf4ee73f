"""The report of ten million events whose shares changed thirty times, from its rows.

The rows are written as the fold would leave them: 2.5 million visitors with four events each, 28
days, 30 phases, two and five arms, six segments and a goal of a guardrail. Wall time of the whole
report (database, statistics, verdict) and of its database reads alone, SQLite in memory, in turns.
CPU time beside it holds on a machine that has other work, too.
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


def main() -> None:
    set_up()
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
    from experiments.services.reporting.full_report import full_report
    from tests.factories import NOW

    experiment = reports.experiments_for_report().get(pk=make_experiment(arms).pk)

    def read() -> list[Any]:
        return list(reports.all_rollups_of(experiment))

    report = "whole report", lambda: full_report(experiment=experiment, now=NOW)
    return {**medians(report, ("reading the rows alone", read)), "rows": float(len(read()))}


def make_experiment(arms: int) -> Any:
    import numpy as np

    from experiments.models import GoalRollup, Guardrail, Rollup
    from tests import factories

    rng = np.random.default_rng([SEED, arms])
    site = factories.make_site(f"bench-{arms}")
    keys = ("control", *(f"arm-{arm}" for arm in range(1, arms)))
    first = [1.0 - 0.1 * (arms - 1)] + [0.1] * (arms - 1)
    experiment = factories.make_running_experiment(
        factories.make_slot(site, "hero"),
        f"bench-{arms}",
        shares=dict(zip(keys, map(str, np.round(first, 4)), strict=True)),
        planned_visitors=VISITORS,
        started_at=factories.NOW - timedelta(days=DAYS),
    )
    Guardrail.objects.create(experiment=experiment, metric="conversion_rate", goal="signup")
    # Every phase has other shares: the control gives up a little to the last arm.
    courses = [
        ([round(first[0] - 0.01 * step, 4), *first[1:-1], round(first[-1] + 0.01 * step, 4)], 1.0)
        for step in range(PHASES)
    ]
    factories.make_phases(experiment, *courses)
    cells = [
        (day, phase) for day in range(DAYS) for phase in range(PHASES) if phase in (day, day + 1)
    ]
    rows, goals = [], []
    for day, phase in cells:
        at = factories.NOW.date() - timedelta(days=DAYS - day)
        visitors = rng.multinomial(VISITORS // len(cells), np.array(courses[phase][0]))
        for variant, n in zip(experiment.variants.order_by("arm"), visitors, strict=True):
            common = {"experiment": experiment, "variant": variant, "day": at, "phase": phase}
            for segment in SEGMENTS:
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
