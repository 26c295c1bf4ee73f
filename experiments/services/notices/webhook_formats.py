"""Bodies of webhooks: JSON of Standard Webhooks, and those that Slack and Teams show."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from experiments.models import Notice, Webhook
from experiments.services.notices.wording import Words

Format = Webhook.Format
# Slack marks links and mentions by these three.
SLACK_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# Teams reads Markdown in texts: these could make links of an experiment's name.
TEAMS_ESCAPES = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]()#<>!|~"})


def body_of(notice: Notice, words: Words, *, form: str) -> str:
    """Return the body to send, as JSON, in the format of a webhook."""
    return json.dumps(BODIES[Format(form)](notice, words), ensure_ascii=False)


def _standard(notice: Notice, words: Words) -> dict[str, Any]:
    experiment = notice.experiment
    return {
        "type": f"ctaopt.{notice.kind}",
        "timestamp": notice.at.isoformat(),
        "data": {
            "site": notice.site.key if notice.site else None,
            "experiment": experiment.key if experiment else None,
            "name": experiment.name if experiment else None,
            "title": words.title,
            "text": "\n".join(words.lines),
            "url": words.url or None,
            "facts": notice.facts,
        },
    }


def _slack(notice: Notice, words: Words) -> dict[str, Any]:
    subject, *lines = (text.translate(SLACK_ESCAPES) for text in (words.subject, *words.lines))
    link = [f"<{words.url}|{_('Open the page')}>"] if words.url else []
    text = "\n".join([f"*{subject}*", *lines, *link])
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    return {"text": subject, "blocks": [section]}


def _teams(notice: Notice, words: Words) -> dict[str, Any]:
    subject, *lines = (text.translate(TEAMS_ESCAPES) for text in (words.subject, *words.lines))
    heading = {"type": "TextBlock", "text": subject, "weight": "Bolder", "wrap": True}
    link = {"type": "Action.OpenUrl", "title": _("Open the page"), "url": words.url}
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [heading, *({"type": "TextBlock", "text": line, "wrap": True} for line in lines)],
        "actions": [link] if words.url else [],
    }
    content_type = "application/vnd.microsoft.card.adaptive"
    return {
        "type": "message",
        "attachments": [{"contentType": content_type, "content": card}],
    }


BODIES: Mapping[Format, Callable[[Notice, Words], dict[str, Any]]] = {
    Format.JSON: _standard,
    Format.SLACK: _slack,
    Format.TEAMS: _teams,
}
