"""Unread notices of a person, and the marks of what they have read."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import User

from experiments.models import Notice, NoticeRead
from experiments.selectors import notices
from experiments.services.notices.choices import ON_THE_PAGE, choice_of

# The menu counts no further.
MOST = 100


def unread_count(person: User, *, now: datetime) -> int:
    """Return how many notices of the chosen kinds a person has not read; 100 at most."""
    kinds = choice_of(person).page
    if not kinds:
        return 0
    return notices.unread_notices(person, kinds=kinds, now=now)[:MOST].count()


def mark_read(person: User, *, keys: Iterable[int] | None, now: datetime) -> int:
    """Mark notices as read, all of them with `keys=None`; return how many had not been.

    Keys of notices that the person may not read do nothing.
    """
    unread = notices.unread_notices(person, kinds=ON_THE_PAGE, now=now)
    if keys is not None:
        unread = unread.filter(pk__in=list(keys))
    found = list(unread.values_list("pk", flat=True))
    marks = [NoticeRead(notice_id=pk, user=person, read_at=now) for pk in found]
    # Two windows may mark the same at once.
    NoticeRead.objects.bulk_create(marks, ignore_conflicts=True)
    return len(found)


def is_visible(person: User, notice: Notice, *, now: datetime) -> bool:
    """Return whether a person may read a notice now."""
    return notices.notices_for(person, kinds=Notice.Kind, now=now).filter(pk=notice.pk).exists()
