"""The first page with ten and with a thousand experiments, and the task that keeps its verdicts.

Rows are written as the fold would leave them: ten million events of 2.5 million visitors, 28 days.
Of ten experiments eight are live, one is a draft, one is decided. Time of the processor and of the
wall for the whole request of a superuser, and the number of queries; SQLite in memory.
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

FEW, MANY, VISITORS, DAYS, SEED = 10, 1_000, 2_500_000, 28, 20_261_128
REQUESTS, TARGET_MS = 9, 150


def main() -> None:
    set_up()
    from django.utils import timezone

    now = timezone.now()
    add_experiments(0, FEW, now)
    few = measured(now)
    add_experiments(FEW, MANY, now)
    many = measured(now)
    record(
        "home",
        {
            "seed": SEED,
            "events": 4 * VISITORS,
            "days": DAYS,
            "target_ms": TARGET_MS,
            "experiments": {str(FEW): few, str(MANY): many},
            "ratio_of_processor_time": round(many["processor_ms"] / few["processor_ms"], 2),
        },
    )


def set_up() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "ctaopt.settings.test"
    import django
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    get_user_model().objects.create_superuser("owner")
    from tests import factories

    factories.make_site()


def add_experiments(first: int, end: int, now: Any) -> None:
    """Write experiments number `first` to `end`, each on a slot of its own."""
    import numpy as np

    from experiments.models import Decision, Rollup, Site
    from tests import factories

    site, rng = Site.objects.get(key="shop"), np.random.default_rng([SEED, first])
    visitors = VISITORS // MANY // DAYS // 2
    rows = []
    for number in range(first, end):
        slot = factories.make_slot(site, f"slot-{number}")
        state: dict[str, Any] = {"status": "running", "started_at": now - timedelta(days=DAYS)}
        if number % 10 == 8:
            state = {}
        if number % 10 == 9:
            state |= {"status": "stopped", "stopped_at": now}
        experiment = factories.make_experiment(slot, f"test-{number}", **state)
        if number % 10 == 9:
            Decision.objects.create(experiment=experiment, outcome="control", decided_at=now)
        for arm, variant in enumerate(experiment.variants.all()):
            rate = 0.08 + (0.04 if arm and number % 3 == 0 else 0.0)
            rows += [
                Rollup(
                    experiment=experiment,
                    variant=variant,
                    day=(now - timedelta(days=day)).date(),
                    visitors=visitors,
                    clicking_visitors=int(rng.binomial(visitors, rate)),
                )
                for day in range(DAYS)
                if state
            ]
    Rollup.objects.bulk_create(rows, batch_size=5_000)


def measured(now: Any) -> dict[str, float]:
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    from experiments.services.reporting.standings import keep_standings

    start, kept = process_time(), 0
    while n := keep_standings(now=now):
        kept += n
    standing_ms = 1_000 * (process_time() - start) / kept
    client, url = Client(), reverse("admin:index")
    client.force_login(get_user_model().objects.get())
    assert client.get(url).status_code == 200  # Warm: templates are compiled.
    with CaptureQueriesContext(connection) as queries:
        client.get(url)
    n_queries = len(queries)
    return {
        "processor_ms": median(lambda: client.get(url), process_time),
        "wall_ms": median(lambda: client.get(url), perf_counter),
        "queries": float(n_queries),
        "processor_ms_of_a_standing": round(standing_ms, 1),
    }


def median(
    work: Callable[[], object], clock: Callable[[], float], *, requests: int = REQUESTS
) -> float:
    times = []
    for _ in range(requests):
        start = clock()
        work()
        times.append(1_000 * (clock() - start))
    return round(statistics.median(times), 1)


if __name__ == "__main__":
    main()
