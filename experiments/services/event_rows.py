"""An event as a row of the warehouse's layout: what Parquet files hold, and engines read."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from experiments.models import Event
from experiments.warehouse.layout import ATTRIBUTES, COLUMNS

KINDS = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "double": pa.float64(),
    "decimal(19, 6)": pa.decimal128(19, 6),
    "timestamp('UTC', 6)": pa.timestamp("us", "UTC"),
}
# Beside what is counted, what else an event holds: a site that moves takes it along.
MORE_COLUMNS = {"propensity": "double", "currency": "string"}
SCHEMA = pa.schema([(name, KINDS[kind]) for name, kind in (COLUMNS | MORE_COLUMNS).items()])
TEXTS = {False: "false", True: "true"}


def arrow_batch(events: Iterable[Event]) -> pa.RecordBatch:
    """Return events, read with their site, experiment and variant, as rows of the layout.

    Raises:
        ValueError: If an event does not fit: its value has more than six decimals.
    """
    return pa.RecordBatch.from_pylist([_row(event) for event in events], schema=SCHEMA)


def _row(event: Event) -> dict[str, Any]:
    attributes = event.attributes
    return {
        "site": event.site.key,
        "event_id": str(event.event_id),
        "type": event.type,
        "visitor": event.visitor,
        "experiment": event.experiment.key if event.experiment else None,
        "variant": event.variant.key if event.variant else None,
        "goal": event.goal or None,
        "value": event.value,
        "occurred_at": event.occurred_at,
        "received_at": event.received_at,
        "is_bot": bool(event.flags & Event.Flag.BOT),
        "is_internal": bool(event.flags & Event.Flag.INTERNAL),
        "is_prefetched": bool(event.flags & Event.Flag.PREFETCH),
        "propensity": event.propensity,
        "currency": event.currency or None,
        **{name: _text(attributes.get(name)) for name in ATTRIBUTES},
    }


def _text(value: Any) -> Any:
    return TEXTS.get(value, value)
