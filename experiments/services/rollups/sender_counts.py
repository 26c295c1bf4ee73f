"""Counts of new visitors by the group of their sender, made by the fold."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from experiments.models import SenderCount
from experiments.selectors import senders

SLOT = timedelta(minutes=15)
UNKNOWN = -1
COLUMNS = ("visitors", "first_at", "last_at", "first_batch", "last_batch")
Key = tuple[int, datetime, int, int, int]
Numbers = Mapping[str, Any]


def count_senders(batches: list[int]) -> None:
    """Add the new visitors of these batches; call it before their outcomes are written.

    The experiments must be locked, so that no two folds write the same row.
    """
    added: dict[Key, Numbers] = {}
    for row in senders.new_visitors_by_sender(batches):
        key = _key(row)
        known = added.get(key)
        added[key] = {name: row[name] for name in COLUMNS} if known is None else _sum(known, row)
    if not added:
        return
    experiments, slots = {key[0] for key in added}, {key[1] for key in added}
    stored = senders.sender_counts(experiments=experiments, slots=slots)
    rows = {_key_of(row): row for row in stored}
    created = [SenderCount(**_named(key), **added[key]) for key in added.keys() - rows.keys()]
    changed = [rows[key] for key in added.keys() & rows.keys()]
    for count in changed:
        before = {name: getattr(count, name) for name in COLUMNS}
        for name, value in _sum(before, added[_key_of(count)]).items():
            setattr(count, name, value)
    SenderCount.objects.bulk_create(created)
    SenderCount.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=["pk"], update_fields=COLUMNS
    )


def _key(row: Numbers) -> Key:
    sender = UNKNOWN if row["sender"] is None else row["sender"]
    slot = row["hour"] + int(row["quarter"]) * SLOT
    return row["experiment"], slot, sender, row["variant"], row["phase"] or 0


def _key_of(row: SenderCount) -> Key:
    return row.experiment_id, row.slot, row.sender, row.variant_id, row.phase


def _named(key: Key) -> dict[str, Any]:
    experiment, slot, sender, variant, phase = key
    return {
        "experiment_id": experiment,
        "slot": slot,
        "sender": sender,
        "variant_id": variant,
        "phase": phase,
    }


def _sum(one: Numbers, other: Numbers) -> Numbers:
    return {
        "visitors": one["visitors"] + other["visitors"],
        "first_at": min(one["first_at"], other["first_at"]),
        "last_at": max(one["last_at"], other["last_at"]),
        "first_batch": min(one["first_batch"], other["first_batch"]),
        "last_batch": max(one["last_batch"], other["last_batch"]),
    }
