"""Notices that a person may read, of their sites alone, and deliveries that are due."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet

from experiments.models import Delivery, Notice, NoticeRead, Webhook
from experiments.selectors.permissions import VIEW_TRAINING, may, sites_where

# Older ones are not counted as unread, and not listed.
KEPT = timedelta(days=90)
VIEW = "experiments.view_experiment"
State = Delivery.State


def notices_for(person: User, *, kinds: Collection[str], now: datetime) -> QuerySet[Notice]:
    """Return the notices of a person's sites, the newest first, each with `is_read`.

    Args:
        person: Reader; what happened before the account was made is not theirs.
        kinds: Kinds of notices.
        now: Present moment.
    """
    rows = _shown_to(person, kinds, now).annotate(is_read=_is_read_by(person))
    return rows.order_by("-at", "-pk")


def unread_notices(person: User, *, kinds: Collection[str], now: datetime) -> QuerySet[Notice]:
    """Return those of `notices_for` that the person has not read."""
    return _shown_to(person, kinds, now).filter(~_is_read_by(person))


def _is_read_by(person: User) -> Exists:
    return Exists(NoticeRead.objects.filter(notice=OuterRef("pk"), user=person.pk))


def _shown_to(person: User, kinds: Collection[str], now: datetime) -> QuerySet[Notice]:
    shown = Q(site__in=sites_where(person, VIEW))
    if may(person, VIEW_TRAINING):
        shown |= Q(site=None)
    rows = Notice.objects.filter(shown, kind__in=kinds)
    rows = rows.exclude(kind=Notice.Kind.DIGEST)
    return rows.filter(at__gte=max(now - KEPT, person.date_joined))


def with_what_they_name(rows: QuerySet[Notice]) -> QuerySet[Notice]:
    """Return notices with what their sentences need, in a fixed number of queries."""
    rows = rows.select_related("site", "experiment__slot__site", "job")
    return rows.prefetch_related("experiment__variants__cta__wordings")


def notices_to_spread() -> QuerySet[Notice]:
    """Return the notices whose deliveries are not written down yet, the oldest first."""
    return Notice.objects.filter(spread_at=None).select_related("site").order_by("pk")


def webhooks_for(notice: Notice) -> list[Webhook]:
    """Return the webhooks that want the notice: of its site, or of any if it is of all sites.

    What is of all sites goes only where it was asked for by a person who may see it still.
    """
    rows = Webhook.objects.filter(is_active=True).select_related("created_by")
    if notice.site_id is not None:
        rows = rows.filter(site=notice.site_id)
    wanted = [row for row in rows if notice.kind in row.kinds]
    if notice.site_id is not None:
        return wanted
    return [row for row in wanted if gets_trainings(row)]


def gets_trainings(webhook: Webhook) -> bool:
    """Return whether somebody answers for a webhook who may see what is of all sites."""
    return bool(webhook.created_by and may(webhook.created_by, VIEW_TRAINING))


def due_deliveries(*, now: datetime) -> QuerySet[Delivery]:
    """Return the deliveries to attempt: those that wait, and that no living worker has claimed."""
    is_free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    rows = Delivery.objects.filter(is_free, state=State.WAITING, next_at__lte=now)
    return rows.order_by("next_at", "pk")


def last_deliveries(webhook: Webhook) -> QuerySet[Delivery]:
    """Return the deliveries of a webhook, the newest first."""
    return webhook.deliveries.select_related("notice__experiment").order_by("-pk")


def is_failing() -> Exists:
    """Return the condition that a webhook's notice was given up after the last that arrived."""
    later = Delivery.objects.filter(
        webhook=OuterRef("webhook"), state=State.SENT, pk__gt=OuterRef("pk")
    )
    given_up = Delivery.objects.filter(webhook=OuterRef("pk"), state=State.GIVEN_UP)
    return Exists(given_up.filter(~Exists(later)))


def failing_webhooks(person: User) -> QuerySet[Webhook]:
    """Return the webhooks in use that a person may see and that do not answer any more."""
    sites = sites_where(person, "experiments.view_webhook")
    return Webhook.objects.filter(is_failing(), site__in=sites, is_active=True)
