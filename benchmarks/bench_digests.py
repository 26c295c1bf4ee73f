"""Processor time an event: visitors as they were sent, as digests, and conversions with orders.

Batches of 20 events (14 exposures, 4 clicks, 2 conversions) through reading, validation and storage
in SQLite's memory, in one process. The kinds take turns; the medians of their rounds are kept.
"""
# ruff: noqa: E402 - Django is set up before what depends on it is imported

import os
import sys
import tempfile
from pathlib import Path

# The file runs as a script and as a module.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
os.environ["DJANGO_SETTINGS_MODULE"] = "ctaopt.settings.test"
os.environ["CTAOPT_DATA_DIR"] = tempfile.mkdtemp()

import django

django.setup()

import json
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management import call_command
from recording import record
from uuid6 import uuid7

from experiments.event_schema.messages import batch_in
from experiments.models import SiteSecret
from experiments.services.events.ingestion import accept
from experiments.services.events.store import store
from experiments.services.serving.snapshot import build_snapshot
from tests import factories

BATCH, BATCHES, ROUNDS = 20, 200, 9
# Form of the visitors, and order numbers on conversions.
KINDS = {"as sent": ("as_sent", False), "digests": ("digests", False), "orders": ("digests", True)}
PARTS = ("read and validated", "stored")


def main() -> None:
    call_command("migrate", verbosity=0)
    now = datetime.now(UTC)
    slot = factories.make_slot(factories.make_site())
    factories.make_running_experiment(slot, started_at=now - timedelta(days=1))
    for kind in KINDS:  # Warm-up.
        measured(kind, now)
    rounds = [{kind: measured(kind, now) for kind in KINDS} for _ in range(ROUNDS)]
    record(
        "digests",
        {
            "unit": "microseconds of processor time an event; a tenth are conversions",
            "rounds": ROUNDS,
            "medians": {
                kind: {
                    part: round(statistics.median(one[kind][part] for one in rounds), 2)
                    for part in PARTS
                }
                for kind in KINDS
            },
            "whole_against_as_sent": {
                kind: round(
                    statistics.median(
                        sum(one[kind].values()) / sum(one["as sent"].values()) for one in rounds
                    ),
                    3,
                )
                for kind in KINDS
            },
        },
    )


def measured(kind: str, now: datetime) -> dict[str, float]:
    """Return the processor time of each part, in microseconds an event."""
    form, has_orders = KINDS[kind]
    SiteSecret.objects.update(visitors=form)
    site = build_snapshot(revision=1, now=now).client_keys["shop-client-key"]
    bodies = [
        json.dumps({"events": list(messages(now, has_orders=has_orders))}).encode()
        for _ in range(BATCHES)
    ]
    began = time.process_time()
    rows = []
    for body in bodies:
        batch = batch_in(body)
        assert batch is not None
        rows.append(accept(site=site, items=batch.events, now=now).rows)
    validated = time.process_time()
    assert sum(store(rows)) == BATCH * BATCHES
    ended = time.process_time()
    a_microsecond = 1e6 / (BATCH * BATCHES)
    spent = (validated - began, ended - validated)
    return {part: one * a_microsecond for part, one in zip(PARTS, spent, strict=True)}


def messages(now: datetime, *, has_orders: bool) -> Iterator[dict[str, Any]]:
    for number in range(BATCH):
        common = {"id": str(uuid7()), "visitor": str(uuid7()), "at": now.isoformat()}
        shown = {"slot": "hero", "variant": "b"}
        if number < 14:
            attributes = {"device": "mobile", "locale": "fr"}
            yield common | shown | {"type": "exposure", "attributes": attributes}
        elif number < 18:
            yield common | shown | {"type": "click"}
        else:
            paid = {"goal": "sale", "value": 49.9, "currency": "EUR"}
            order = {"order": f"A-{uuid7()}"} if has_orders else {}
            yield common | paid | order | {"type": "conversion"}


if __name__ == "__main__":
    main()
