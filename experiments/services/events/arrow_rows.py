"""Conversion between events and rows of the warehouse's layout, as in Parquet files."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pyarrow as pa
from django.db.models import QuerySet

from experiments.models import Event, Site
from experiments.selectors import events as event_selectors
from experiments.services.catalogue.site_secrets import as_stored, digest_keys
from experiments.services.events.orders import OrderClaim
from experiments.services.events.store import EventRow
from experiments.warehouse.event_layout import COLUMNS, LATER_FLAGS, OF_EXPOSURES

KINDS = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "double": pa.float64(),
    "decimal(19, 6)": pa.decimal128(19, 6),
    "timestamp('UTC', 6)": pa.timestamp("us", "UTC"),
}
# Columns that are not counted but move along with a site.
MORE_COLUMNS = dict.fromkeys(("currency", "order"), "string")
MORE_COLUMNS |= {"propensity": "double", "is_held_out": "boolean"}
SCHEMA = pa.schema(
    [(name, KINDS[kind]) for name, kind in (COLUMNS | LATER_FLAGS | MORE_COLUMNS).items()]
)
READ = (
    "event_id", "type", "visitor", "experiment", "variant", "propensity", "goal", "value",
    "currency", "attributes", "occurred_at", "received_at", "flags",
)  # fmt: skip
FLAGS = {
    "is_bot": Event.Flag.BOT,
    "is_internal": Event.Flag.INTERNAL,
    "is_prefetched": Event.Flag.PREFETCH,
    "is_unexplained": Event.Flag.UNEXPLAINED,
    "is_burst": Event.Flag.BURST,
    "is_repeated": Event.Flag.REPEATED,
    "is_held_out": Event.Flag.HELD_OUT,
    "is_late": Event.Flag.LATE,
}
TEXTS = {False: "false", True: "true"}
# Attributes that events do not hold as text.
VALUES: dict[str, Callable[[str], Any]] = {"new_visitor": TEXTS[True].__eq__, "phase": int}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Keys of a site's experiments and variants by primary key, and the reverse.

    `digest_key`: the key of its visitors' digests; None if it keeps ids as they were sent.
    """

    site: Site
    experiments: dict[int, str]
    variants: dict[int, str]
    numbers: dict[tuple[str, str], tuple[int, int]]
    digest_key: bytes | None


def names_of(site: Site) -> Names:
    arms = list(event_selectors.arms_on_site(site))
    return Names(
        site=site,
        experiments={arm.experiment_id: arm.experiment.key for arm in arms},
        variants={arm.pk: arm.key for arm in arms},
        numbers={(arm.experiment.key, arm.key): (arm.experiment_id, arm.pk) for arm in arms},
        digest_key=digest_keys([site.pk]).get(site.pk),
    )


def arrow_batches(events: QuerySet[Event], names: Names, *, rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the events of the site as batches of `rows` rows of the layout.

    Raises:
        ValueError: If an event does not fit: its value has more than six decimals.
    """
    reading = events.values_list(*READ).iterator(chunk_size=rows)
    chunk: list[tuple[Any, ...]] = []
    for row in reading:
        chunk.append(row)
        if len(chunk) == rows:
            yield _batch(chunk, names)
            chunk = []
    if chunk:
        yield _batch(chunk, names)


def _batch(rows: Sequence[tuple[Any, ...]], names: Names) -> pa.RecordBatch:
    values = dict(zip(READ, zip(*rows, strict=True), strict=True))
    orders = event_selectors.order_digests(site_id=names.site.pk, event_ids=values["event_id"])
    columns: dict[str, Iterable[Any]] = {
        "site": [names.site.key] * len(rows),
        "event_id": map(str, values["event_id"]),
        "type": values["type"],
        "visitor": values["visitor"],
        "experiment": map(names.experiments.get, values["experiment"]),
        "variant": map(names.variants.get, values["variant"]),
        "goal": (goal or None for goal in values["goal"]),
        "value": values["value"],
        "occurred_at": values["occurred_at"],
        "received_at": values["received_at"],
        "propensity": values["propensity"],
        "currency": (currency or None for currency in values["currency"]),
        "order": map(orders.get, values["event_id"]),
    }
    columns |= {
        name: [bool(flags & flag) for flags in values["flags"]] for name, flag in FLAGS.items()
    }
    columns |= {
        name: [_text(attributes.get(name)) for attributes in values["attributes"]]
        for name in OF_EXPOSURES
    }
    arrays = [pa.array(columns[field.name], field.type) for field in SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _text(value: Any) -> str | None:
    # By type, since the number 1 equals True.
    if isinstance(value, bool):
        return TEXTS[value]
    return None if value is None else str(value)


def event_rows(batch: pa.RecordBatch, names: Names) -> list[EventRow]:
    """Return rows of the layout as events of the site.

    Raises:
        ValueError: If a row names an experiment or variant that the site does not have.
    """
    return [_event_row(row, names) for row in batch.to_pylist()]


def _event_row(row: dict[str, Any], names: Names) -> EventRow:
    experiment, variant = _shown(row["experiment"], row["variant"], names)
    attributes = {name: row[name] for name in OF_EXPOSURES if row[name] is not None}
    for name, value_of in VALUES.items():
        if name in attributes:
            attributes[name] = value_of(attributes[name])
    return EventRow(
        event_id=UUID(row["event_id"]),
        site_id=names.site.pk,
        type=row["type"],
        visitor=as_stored(row["visitor"], names.digest_key),
        experiment_id=experiment,
        variant_id=variant,
        propensity=row["propensity"],
        goal=row["goal"] or "",
        value=None if row["value"] is None else row["value"].normalize(),
        currency=row["currency"] or "",
        attributes=json.dumps(attributes),
        occurred_at=row["occurred_at"],
        received_at=row["received_at"],
        flags=sum(int(flag) for name, flag in FLAGS.items() if row.get(name)),
        # It counts where it comes from: no page goes before that.
        order=OrderClaim(row["order"], by_server=True) if row.get("order") else None,
    )


def _shown(
    experiment: str | None, variant: str | None, names: Names
) -> tuple[int | None, int | None]:
    if experiment is None or variant is None:
        return None, None
    if (experiment, variant) not in names.numbers:
        raise ValueError(f"experiment: there is no {experiment!r} with a variant {variant!r}")
    return names.numbers[experiment, variant]
