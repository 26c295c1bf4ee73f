"""Choices of people: kinds of notices that reach them by mail, and those that the menu counts."""

from collections.abc import Collection

from django.contrib.auth.models import User

from experiments.models import Notice, NoticeChoice

Kind = Notice.Kind
# Kinds that are rows of the page of notices.
ON_THE_PAGE = tuple(kind for kind in Kind if kind is not Kind.DIGEST)
# Until a person chooses: by mail what asks for a decision, and the digest.
BY_MAIL = tuple(kind for kind in Kind if kind not in (Kind.STARTED, Kind.TRAINED))


def choice_of(user: User) -> NoticeChoice:
    """Return what a person has chosen; the defaults, not stored, of who has chosen nothing."""
    try:
        kept: NoticeChoice = user.notice_choice  # a reverse side
    except NoticeChoice.DoesNotExist:
        return NoticeChoice(user=user, mail=list(BY_MAIL), page=list(ON_THE_PAGE))
    return kept


def keep_choice(user: User, *, mail: Collection[str], page: Collection[str]) -> None:
    """Keep the kinds that a person wants by mail and counted in the menu."""
    chosen = {
        "mail": [kind for kind in Kind if kind in mail],
        "page": [kind for kind in ON_THE_PAGE if kind in page],
    }
    NoticeChoice.objects.update_or_create(user=user, defaults=chosen)
