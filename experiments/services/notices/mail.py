"""Mails of notices: text and HTML, in the reader's language and time zone."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.preferences import as_read_by
from experiments.models import Delivery, Notice
from experiments.services.notices.digest import Part, parts_for
from experiments.services.notices.mail_pictures import MailPicture, picture_of_lifts
from experiments.services.notices.wording import absolute, words_of

# A header is one line: the name of an experiment must not make it two.
LONGEST_SUBJECT = 150
# Kinds of notices whose mail shows the lifts.
ABOUT_RESULTS = (Notice.Kind.VERDICT, Notice.Kind.HARM)
# Pictures of a digest, some 55 kB each: those of the tests that wait for a decision come first.
MOST_PICTURES = 5
# Tests whose lifts are looked for: each costs a report, and most of a long list may have none.
MOST_ASKED = 15


def mail_of(delivery: Delivery, *, reader: User, now: datetime) -> EmailMultiAlternatives | None:
    """Return the mail of a delivery; None if it would be empty."""
    notice = delivery.notice
    language = notice.site.default_locale if notice.site else settings.LANGUAGE_CODE
    known = dict(settings.LANGUAGES)
    with as_read_by(reader, otherwise=language if language in known else settings.LANGUAGE_CODE):
        content = _content(notice, reader, now)
        return _mail(delivery, reader, content) if content is not None else None


def _content(notice: Notice, reader: User, now: datetime) -> dict[str, Any] | None:
    """Return the subject and what the templates show."""
    common = {"choices_url": absolute(reverse("admin:experiments_notices_choices"))}
    if notice.kind == Notice.Kind.DIGEST:
        parts = parts_for(reader, now=now)
        subject = _("Your tests this week")
        if not parts:
            return None
        shown: dict[str, Any] = {"parts": parts, "pictures": _pictures_of(parts, now)}
        return {**common, "subject": subject, "title": subject, **shown}
    words = words_of(notice)
    shown = {"words": words, "pictures": _pictures(notice, now)}
    return {**common, "subject": words.subject, "title": words.subject, **shown}


def _pictures(notice: Notice, now: datetime) -> list[MailPicture]:
    """Return the lifts of the test that a notice is about, if it is about its result."""
    if notice.experiment_id is None or notice.kind not in ABOUT_RESULTS:
        return []
    picture = picture_of_lifts(notice.experiment_id, now=now)
    return [picture] if picture else []


def _pictures_of(parts: Iterable[Part], now: datetime) -> list[MailPicture]:
    """Return the lifts of the first tests of a digest, each under the name of its test."""
    rows = list({row.pk: row for part in parts for row in part.rows}.values())
    drawn = ((row, picture_of_lifts(row.pk, now=now)) for row in rows[:MOST_ASKED])
    named = (replace(one, title=row.name) for row, one in drawn if one is not None)
    return list(islice(named, MOST_PICTURES))


def _mail(delivery: Delivery, reader: User, content: dict[str, Any]) -> EmailMultiAlternatives:
    subject = " ".join(str(content["subject"]).split())[:LONGEST_SUBJECT]
    host = urlsplit(settings.CTAOPT_PUBLIC_URL).hostname or "ctaopt.invalid"
    headers = {
        # The same at each attempt.
        "Message-ID": f"<{delivery.message_id.hex}@{host}>",
        "Auto-Submitted": "auto-generated",
    }
    mail = EmailMultiAlternatives(
        subject=subject,
        body=render_to_string("mail/notice.txt", content),
        to=[reader.email],
        headers=headers,
    )
    mail.attach_alternative(render_to_string("mail/notice.html", content), "text/html")
    # Images belong to the HTML: readers of mail do not list them as files.
    mail.mixed_subtype = "related"  # type: ignore[attr-defined]  # missing in the stubs
    for picture in content["pictures"]:
        mail.attach(picture.as_part())
    return mail
