"""Delivery of notices: written down for each reader, claimed, sent, retried, given up visibly.

Each reader and webhook has one row for a notice, by a constraint. A worker claims a row in one
conditional update and sends outside of any transaction; if it dies, the claim ends and another
worker sends, under the same id. An attempt that failed is repeated later and later, for a day.
"""

import logging
import smtplib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from experiments.models import Delivery, Notice, Webhook
from experiments.selectors import notices
from experiments.selectors.permissions import APPROVE, VIEW_TRAINING, people_who
from experiments.services.notices.choices import choice_of
from experiments.services.notices.digest import write_digest
from experiments.services.notices.inbox import is_visible
from experiments.services.notices.mail import mail_of
from experiments.services.notices.webhook_calls import (
    Message,
    WebhookError,
    WebhookGoneError,
    call_webhook,
)
from experiments.services.notices.webhook_formats import body_of
from experiments.services.notices.webhook_secrets import secret_of
from experiments.services.notices.wording import Words, words_of

logger = logging.getLogger(__name__)
State = Delivery.State
Clock = Callable[[], datetime]
# Longer than any call: whoever holds a claim beyond it is dead.
LEASE = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
# Waits after the first, second, ... attempt; after the last one it is given up.
WAITS = tuple(n * MINUTE for n in (0.5, 2, 8, 30, 120, 360, 720))
# A run ends before the next few: one that hangs holds nobody up for long.
RUN = timedelta(seconds=45)
MOST = 500


class DropError(Exception):
    """A delivery that is for this reader no more: nothing is sent."""


def deliver_notices(*, clock: Clock = timezone.now) -> int:
    """Write down deliveries and attempt those that are due; return how many were sent."""
    started_at = clock()
    write_digest(now=started_at)
    spread_notices(now=started_at)
    failing: set[object] = set()
    sent = 0
    due = notices.due_deliveries(now=started_at).values_list("pk", "webhook")[:MOST]
    for pk, webhook in list(due):
        if clock() - started_at > RUN:
            break
        # One that does not answer is not waited for again in this run.
        route = webhook or "mail"
        if route in failing:
            continue
        outcome = _attempt(pk, clock)
        sent += outcome is State.SENT
        if outcome is State.WAITING:
            failing.add(route)
    return sent


def spread_notices(*, now: datetime) -> int:
    """Write down the deliveries of new notices; return how many notices there were."""
    new = list(notices.notices_to_spread()[:MOST])
    for notice in new:
        with transaction.atomic():
            rows = [*_to_people(notice, now), *_to_webhooks(notice, now)]
            # Two workers may spread the same notice: each reader has one row.
            Delivery.objects.bulk_create(rows, ignore_conflicts=True)
            Notice.objects.filter(pk=notice.pk).update(spread_at=now)
    return len(new)


def _to_people(notice: Notice, now: datetime) -> Iterator[Delivery]:
    if not settings.CTAOPT_SENDS_MAIL:
        return
    for person in _readers(notice):
        if person.email and notice.kind in choice_of(person).mail:
            yield Delivery(notice=notice, user=person, next_at=now)


def _readers(notice: Notice) -> list[User]:
    if notice.kind == Notice.Kind.DIGEST:
        active = User.objects.filter(is_active=True).select_related("notice_choice")
        return [one for one in active if one.is_staff or one.is_superuser]
    if notice.kind == Notice.Kind.APPROVAL:
        return people_who(APPROVE, notice.site)
    return people_who(notices.VIEW if notice.site else VIEW_TRAINING, notice.site)


def _to_webhooks(notice: Notice, now: datetime) -> Iterator[Delivery]:
    for webhook in notices.webhooks_for(notice):
        yield Delivery(notice=notice, webhook=webhook, next_at=now)


def retry_given_up(webhook: Webhook, *, now: datetime) -> int:
    """Put what was given up of a webhook back; return how many deliveries."""
    given_up = webhook.deliveries.filter(state=State.GIVEN_UP)
    return given_up.update(state=State.WAITING, attempts=0, next_at=now, claimed_until=None)


def drop_trainings(webhook: Webhook) -> None:
    """Forget notices of trainings that have not arrived: the address is another one by now."""
    rows = webhook.deliveries.filter(notice__kind=Notice.Kind.TRAINED)
    rows.exclude(state=State.SENT).delete()


def _attempt(pk: int, clock: Clock) -> State | None:
    """Send one delivery if it can be claimed; return its state after that, None if it cannot."""
    now = clock()
    until = now + LEASE
    # The condition inside the UPDATE is the lock: two workers race here.
    claimed = notices.due_deliveries(now=now).filter(pk=pk).order_by()
    if not claimed.update(claimed_until=until, attempts=F("attempts") + 1):
        return None
    rows = Delivery.objects.select_related("user", "webhook", "notice__site", "notice__job")
    delivery = rows.select_related("notice__experiment__slot__site").get(pk=pk)
    changes = _changes_after(delivery, now)
    held = Delivery.objects.filter(pk=pk, claimed_until=until)
    if not held.update(claimed_until=None, **changes):
        logger.warning("delivery %s took longer than its claim", pk)
    state: State = changes["state"]
    return state


def _changes_after(delivery: Delivery, now: datetime) -> dict[str, Any]:
    """Send, and return what becomes of the row."""
    try:
        _send(delivery, now)
    except DropError:
        return {"state": State.DROPPED}
    except WebhookGoneError as error:
        return {"state": State.GIVEN_UP, "error": str(error)}
    except (WebhookError, OSError, smtplib.SMTPException, InvalidToken) as error:
        return _after_failure(delivery, _reason(error), now)
    return {"state": State.SENT, "sent_at": now, "error": ""}


def _after_failure(delivery: Delivery, reason: str, now: datetime) -> dict[str, Any]:
    if delivery.attempts > len(WAITS):
        logger.error("notice %s was given up: %s", delivery.notice_id, reason)
        return {"state": State.GIVEN_UP, "error": reason}
    wait = WAITS[delivery.attempts - 1]
    return {"state": State.WAITING, "next_at": now + wait, "error": reason}


def _reason(error: Exception) -> str:
    """Return the reason as it is stored; `webhook_calls.reason_in_words` has the sentence."""
    if isinstance(error, InvalidToken):
        return "secret:"
    # Answers of mail servers may name people.
    return str(error) if isinstance(error, WebhookError) else f"mail:{type(error).__name__}"


def _send(delivery: Delivery, now: datetime) -> None:
    if delivery.webhook is not None:
        send_to_webhook(delivery.webhook, delivery.notice, str(delivery.message_id), now=now)
        return
    if delivery.user is not None:
        _send_mail(delivery, delivery.user, now)


def _send_mail(delivery: Delivery, reader: User, now: datetime) -> None:
    is_digest = delivery.notice.kind == Notice.Kind.DIGEST
    may_read = reader.is_active and (is_digest or is_visible(reader, delivery.notice, now=now))
    # A role may have been taken away since, or the address.
    if not may_read or not reader.email or not settings.CTAOPT_SENDS_MAIL:
        raise DropError
    mail = mail_of(delivery, reader=reader, now=now)
    if mail is None:
        raise DropError
    mail.send()


def send_test(webhook: Webhook, message_id: str, *, now: datetime) -> int:
    """Send words about nothing to a webhook, in use or not; return the status of the answer.

    Raises:
        WebhookError: If they did not arrive.
    """
    notice = Notice(kind=Notice.Kind.STARTED, at=now, site=webhook.site, facts={"test": True})
    with translation.override(webhook.language):
        title = _("This is a test of ctaopt.")
        words = Words(subject=title, title=title, lines=(webhook.site.name,), path="/admin/")
        body = body_of(notice, words, form=webhook.format)
    message = Message(body=body, message_id=message_id, secret=secret_of(webhook))
    return call_webhook(webhook.url, message, now=now)


def send_to_webhook(webhook: Webhook, notice: Notice, message_id: str, *, now: datetime) -> int:
    """Send a notice to a webhook in its language; return the status of the answer.

    Raises:
        WebhookError: If it did not arrive.
    """
    if not webhook.is_active:
        raise DropError
    with translation.override(webhook.language), timezone.override(webhook.site.zone):
        body = body_of(notice, words_of(notice), form=webhook.format)
    message = Message(body=body, message_id=message_id, secret=secret_of(webhook))
    return call_webhook(webhook.url, message, now=now)
