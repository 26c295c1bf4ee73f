"""Suppression list of erased visitors: keyed hashes that keep late copies of events out.

An erasure commits its hash before it deletes anything. Storing events checks the list in the same
transaction; on PostgreSQL a shared lock makes the erasure wait for earlier checks.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from django.db import connection, transaction

from experiments.event_schema.messages import ID_SLACK, MAX_AGE
from experiments.event_schema.rules import MAX_AHEAD
from experiments.models import ErasedVisitor
from experiments.services.catalogue.keyed_digests import keyed_digest, keyed_digests

# After this, ingestion refuses all events from before the erasure as too old.
KEPT_FOR = MAX_AGE + MAX_AHEAD + ID_SLACK
# The number need only be unique to this code.
# Never change: processes before and after an upgrade run side by side.
LOCK = 5_226_312
# Stored; never rename: those who were erased would come back.
SALT = "experiments.tombstones"


class Stored(Protocol):
    """Fields of an event that the check needs."""

    @property
    def site_id(self) -> int: ...
    @property
    def visitor(self) -> str: ...
    @property
    def occurred_at(self) -> datetime: ...


def visitor_digest(*, site_id: int, visitor: str) -> str:
    """Return the keyed hash of an erased visitor; it needs the installation's secret."""
    return keyed_digest(SALT, f"{site_id}:{visitor}")


@transaction.atomic
def refuse_visitor(*, site_id: int, visitor: str, now: datetime) -> ErasedVisitor:
    """Refuse the visitor's events from before `now`, as of the commit."""
    _lock("pg_advisory_xact_lock")
    row, _ = ErasedVisitor.objects.update_or_create(
        site_id=site_id,
        digest=visitor_digest(site_id=site_id, visitor=visitor),
        defaults={"erased_at": now},
    )
    return row


def are_erased(rows: Sequence[Stored]) -> list[bool]:
    """Return, per event, True if it precedes the erasure of its visitor.

    Call it in the transaction that stores them.
    """
    _lock("pg_advisory_xact_lock_shared")
    stones = ErasedVisitor.objects.filter(site__in={row.site_id for row in rows})
    erased = {(site, digest): at for site, digest, at in stones.values_list(*STONE)}
    if not erased:
        return [False] * len(rows)
    ends = {key: _erased_at(key, erased) for key in {(row.site_id, row.visitor) for row in rows}}
    return [_is_before(row, ends[row.site_id, row.visitor]) for row in rows]


def erased_at(*, site_id: int, names: Sequence[str]) -> datetime | None:
    """Return when a visitor of these names was last erased, as long as that is remembered."""
    digests = [one for name in names for one in keyed_digests(SALT, f"{site_id}:{name}")]
    stones = ErasedVisitor.objects.filter(site=site_id, digest__in=digests)
    return max(stones.values_list("erased_at", flat=True), default=None)


def forget_tombstones(*, now: datetime) -> int:
    """Delete the hashes that are no longer needed; return how many."""
    deleted, _ = ErasedVisitor.objects.filter(erased_at__lt=now - KEPT_FOR).delete()
    return deleted


STONE = ("site_id", "digest", "erased_at")


def _erased_at(key: tuple[int, str], erased: Mapping[tuple[int, str], datetime]) -> datetime | None:
    """Return the last erasure of a visitor, under the secret or one that it replaced."""
    site_id, visitor = key
    digests = keyed_digests(SALT, f"{site_id}:{visitor}")
    return max((erased[site_id, one] for one in digests if (site_id, one) in erased), default=None)


def _is_before(row: Stored, erased_at: datetime | None) -> bool:
    # A fast clock may have dated an event stored before the erasure a little after it.
    return erased_at is not None and row.occurred_at <= erased_at + MAX_AHEAD


def wait_for_stores() -> None:
    """Wait for the transactions that are storing events; new ones wait for the end of this one."""
    _lock("pg_advisory_xact_lock")


def _lock(function: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s)", [LOCK])
