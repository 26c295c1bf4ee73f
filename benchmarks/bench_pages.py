"""Every page of the admin with a thousand experiments: processor time, bytes, queries.

Rows are written as the fold would leave them: ten million events of 2.5 million visitors, 28 days.
The pages are those of the URL configuration, each as a superuser opens it; pages of an experiment
are those of a draft and of a live test. Median of some requests in this process, templates
compiled; SQLite in memory.
"""
# ruff: noqa: E402, PLC0415 - the path and Django are set up before what depends on them

import os
import sys
from pathlib import Path
from time import process_time
from typing import Any

# The file runs as a script and as a module.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from bench_home import DAYS, MANY, SEED, TARGET_MS, VISITORS, add_experiments, median
from recording import record

REQUESTS = 3


def main() -> None:
    client, own = set_up()
    found = walked(client, own)
    slow = {page: row for page, row in found.items() if row["processor_ms"] > TARGET_MS}
    for page, row in sorted(found.items(), key=lambda one: -one[1]["processor_ms"]):
        print(f"{row['processor_ms']:8.1f} ms {row['bytes']:8,} bytes {row['queries']:4} {page}")
    record(
        "pages",
        {
            "seed": SEED,
            "experiments": MANY,
            "events": 4 * VISITORS,
            "days": DAYS,
            "target_ms": TARGET_MS,
            "pages": found,
            "above_target": sorted(slow),
        },
    )


def set_up() -> tuple[Any, dict[str, Any]]:
    """Return a superuser's browser and a row of each kind, beside a thousand experiments."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "ctaopt.settings.test"
    import django
    from django.core.management import call_command
    from django.test import Client
    from django.utils import timezone

    django.setup()
    call_command("migrate", verbosity=0)
    from experiments.services.reporting.standings import keep_standings
    from tests.experiments.test_route_permissions import make_world

    now = timezone.now()
    own, _foreign, cookies = make_world()
    add_experiments(0, MANY, now)
    while keep_standings(now=now):
        continue
    client = Client()
    client.cookies = cookies["superuser"]
    return client, own


def walked(client: Any, own: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the figures of each page, by its address in the URL configuration."""
    from experiments.models import Experiment
    from tests.experiments.test_route_permissions import path_of
    from tests.experiments.test_texts_of_pages import PAGES

    live = own | {"experiment": Experiment.objects.get(key="test-0")}
    found = {}
    for probe in PAGES:
        asked = [("", own)]
        if probe.model == "experiment" and "<" in probe.template:
            asked = [(" (draft)", own), (" (live)", live)]
        for suffix, things in asked:
            figures = measured(client, path_of(probe, things))
            if figures:
                found[f"{probe.template}{suffix}"] = figures
    return found


def measured(client: Any, path: str) -> dict[str, Any]:
    """Return the figures of a page; nothing for what is no page there, such as a redirect."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    answer = client.get(path)
    is_page = answer.headers.get("Content-Type", "").startswith("text/html")
    if answer.status_code != 200 or not is_page:
        return {}
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    n_queries = len(queries)  # The next request empties the list.
    return {
        "processor_ms": median(lambda: client.get(path), process_time, requests=REQUESTS),
        "bytes": len(answer.content),
        "queries": n_queries,
    }


if __name__ == "__main__":
    main()
