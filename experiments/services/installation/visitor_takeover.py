"""Replacement of a site's visitor ids, as they were sent, by digests: in batches, resumable.

Events are stored under digests from its beginning on, and nothing is counted until its end, because
a visitor's events are under two names meanwhile. Done again after a break, it goes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from experiments.event_schema.digests import MARK, visitor_digest
from experiments.event_schema.ids import day_of, first_id
from experiments.models import ErasedVisitor, Event, Site, SiteSecret, VisitorDay, VisitorOutcome
from experiments.selectors import events
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.catalogue.holdouts import holdout_rule, is_held_out
from experiments.services.catalogue.site_secrets import form_of_visitors, site_secret
from experiments.services.events.suppression_list import KEPT_FOR, wait_for_stores
from experiments.services.rollups.postgres_fold import HASHED

DAY = timedelta(days=1)
# Visitors of a transaction: storing events waits for one on SQLite.
AT_ONCE = 1_000
AS_SENT = ~Q(visitor__regex=rf"^{MARK}[A-Za-z0-9_-]{{22}}$")
HELD_OUT = int(Event.Flag.HELD_OUT)
EVENT, DAYS = Event._meta.db_table, VisitorDay._meta.db_table

RENAME = f"""
    UPDATE {EVENT} SET visitor = %s,
        flags = CASE WHEN type = 'conversion' THEN flags | %s ELSE flags END
    WHERE site_id = %s AND visitor = %s AND event_id >= %s AND event_id < %s
"""  # noqa: S608
HASH = HASHED.format(visitor="%s")
NEW_DAY = f"INSERT INTO {DAYS} (site_id, visitor_hash, day) VALUES (%s, {HASH}, %s) ON CONFLICT DO NOTHING"  # noqa: S608, E501
OLD_DAY = f"DELETE FROM {DAYS} WHERE site_id = %s AND visitor_hash = {HASH} AND day = %s"  # noqa: S608


class NotYetError(Exception):
    """Visitors were erased by an earlier version, which remembers them by their ids only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """Numbers of renamed visitors: a day of events each, and outcomes."""

    n_visitor_days: int
    n_outcomes: int


def take_over_visitors(*, site: Site, now: datetime) -> Takeover:
    """Replace all ids of a site's visitors; what is stored later is a digest at once.

    Raises:
        NotYetError: While a late event of an erased visitor would not be known again.
    """
    if form_of_visitors(site.pk) == SiteSecret.Visitors.AS_SENT:
        _refuse_while_old_erasures_count(site, now)
        _set_form(site, SiteSecret.Visitors.MOVING)
    key, rule = site_secret(site.pk), holdout_rule(site)
    n_days = 0
    for day in _days(site):
        while visitors := _visitors_of(site, day):
            names = [(one, visitor_digest(key, one), is_held_out(rule, one)) for one in visitors]
            _rename(site, day, names)
            n_days += len(visitors)
    n_outcomes = sum(_rename_outcomes(site, key))
    _set_form(site, SiteSecret.Visitors.DIGESTS)
    return Takeover(n_visitor_days=n_days, n_outcomes=n_outcomes)


def _refuse_while_old_erasures_count(site: Site, now: datetime) -> None:
    """Raise if an erasure is remembered by one name only, as earlier versions did it."""
    recent = ErasedVisitor.objects.filter(site=site, erased_at__gte=now - KEPT_FOR)
    moments = list(recent.order_by("erased_at").values_list("erased_at", flat=True))
    alone = [moment for moment in moments if moments.count(moment) % 2]
    if alone:
        raise NotYetError(
            f"{site.key}: visitors were erased before the upgrade. Their late events would not be "
            f"known again: run it after {alone[-1] + KEPT_FOR:%Y-%m-%d}."
        )


@transaction.atomic
def _set_form(site: Site, form: str) -> None:
    """Set the form of the site's visitors once no transaction stores by the former one."""
    wait_for_stores()
    SiteSecret.objects.filter(site=site).update(visitors=form)
    bump_revision()


def _days(site: Site) -> Iterator[date]:
    ends = events.ends_of_event_ids(site)
    if ends:
        first, last = map(day_of, ends)
        yield from (first + n * DAY for n in range((last - first).days + 1))


def _visitors_of(site: Site, day: date) -> list[str]:
    """Return ids as they were sent, of a day's events."""
    rows = events.events_between(site, first_id(day), first_id(day + DAY)).filter(AS_SENT)
    return list(rows.order_by().values_list("visitor", flat=True).distinct()[:AT_ONCE])


@transaction.atomic
def _rename(site: Site, day: date, names: list[tuple[str, str, bool]]) -> None:
    field = Event._meta.get_field("event_id")
    first, end = (field.get_db_prep_value(first_id(one), connection) for one in (day, day + DAY))
    with connection.cursor() as cursor:
        cursor.executemany(
            RENAME,
            [(new, HELD_OUT * held_out, site.pk, old, first, end) for old, new, held_out in names],
        )
        if connection.vendor == "postgresql":
            cursor.executemany(NEW_DAY, [(site.pk, new, day) for _, new, _ in names])
            cursor.executemany(OLD_DAY, [(site.pk, old, day) for old, _, _ in names])


def _rename_outcomes(site: Site, key: bytes) -> Iterator[int]:
    of_site = VisitorOutcome.objects.filter(AS_SENT, experiment__slot__site=site)
    while rows := list(of_site.only("visitor")[:AT_ONCE]):
        for row in rows:
            row.visitor = visitor_digest(key, row.visitor)
        VisitorOutcome.objects.bulk_update(rows, ["visitor"])
        yield len(rows)
