"""Mails of notices: text and HTML, in the reader's language and time zone."""

from datetime import datetime
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
from experiments.services.notices.digest import parts_for
from experiments.services.notices.wording import absolute, words_of

# A header is one line: the name of an experiment must not make it two.
LONGEST_SUBJECT = 150


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
        return {**common, "subject": subject, "title": subject, "parts": parts} if parts else None
    words = words_of(notice)
    return {**common, "subject": words.subject, "title": words.subject, "words": words}


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
    return mail
