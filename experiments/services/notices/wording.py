"""Sentences of notices, in the active language and time zone; their links.

A notice keeps kinds, keys and figures. Its words depend on the reader.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from experiments.formatting import Count, count, signed_percent
from experiments.models import Change, Experiment, Job, Notice
from experiments.services.catalogue.cta_content import wording_of
from experiments.services.operations.auto_rollback import note_in_words
from experiments.services.reporting.verdict import sentence_of, title_of
from experiments.stats.decision.decide import Status
from experiments.stats.decision.grounds import Code

Kind = Notice.Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A notice as it is read: `subject` stands alone, `url` is absolute or empty."""

    subject: str
    title: str
    lines: tuple[str, ...]
    path: str

    @property
    def url(self) -> str:
        """Return the address of the page; empty while the service's own is not known."""
        return absolute(self.path)


def words_of(notice: Notice) -> Words:
    """Return the sentences of a notice, other than a digest."""
    title, *details = SENTENCES[Kind(notice.kind)](notice)
    name = notice.experiment.name if notice.experiment else ""
    return Words(
        subject=_("%(label)s: %(value)s") % {"label": name, "value": title} if name else title,
        title=title,
        lines=(*details, *_place_and_time(notice)),
        path=_path(notice),
    )


def absolute(path: str) -> str:
    """Return the address of one of the service's pages; empty while its own is not known."""
    return f"{settings.CTAOPT_PUBLIC_URL}{path}" if settings.CTAOPT_PUBLIC_URL else ""


def _place_and_time(notice: Notice) -> list[str]:
    zone = timezone.get_current_timezone_name()
    at = date_format(timezone.localtime(notice.at), "DATETIME_FORMAT")
    when = f"{at} ({zone})"
    if notice.site is None:
        return [when]
    return [_("%(label)s: %(value)s") % {"label": notice.site.name, "value": when}]


def _path(notice: Notice) -> str:
    if notice.experiment is None:
        return reverse("admin:ml_predictorversion_changelist")
    is_to_end = notice.kind in (Kind.VERDICT, Kind.HARM)
    page = "end" if is_to_end and notice.experiment.status in _TO_DECIDE else "report"
    return reverse(f"admin:experiments_experiment_{page}", args=[notice.experiment.pk])


_TO_DECIDE = (*Experiment.LIVE_STATUSES, Experiment.Status.STOPPED)


def _started(notice: Notice) -> list[str]:
    return [_("The test has started.")]


def _verdict(notice: Notice) -> list[str]:
    facts = notice.facts
    if facts.get("change") == Change.Kind.STOP:
        return [
            _("The test has ended with its plan."),
            note_in_words(Change.Kind.STOP, facts["note"]),
        ]
    winner = _wording(notice, facts["winner"]) if facts["winner"] else None
    status = Status(facts["status"])
    if status is Status.SHIP and winner is None:
        return [_("The test has a verdict.")]
    return [title_of(status, winner=winner), *_figures(facts)]


def _figures(facts: Mapping[str, Any]) -> list[str]:
    lines = [_("Visitors: %(n)s.") % {"n": count(facts["visitors"])}]
    if facts.get("lift") is not None:
        lines.append(_("Lift: %(lift)s.") % {"lift": signed_percent(facts["lift"])})
    return lines


def _harm(notice: Notice) -> list[str]:
    return [title_of(Status.STOP_FOR_HARM, winner=None), *_figures(notice.facts)]


def _rollback(notice: Notice) -> list[str]:
    kind, note = notice.facts["change"], notice.facts["note"]
    lines = [line for line in note_in_words(kind, note).split("\n") if line]
    return [f"{Change.Kind(kind).label}.", *lines]


def _split(notice: Notice) -> list[str]:
    facts = notice.facts
    if facts.get("code") != "frozen_arm":
        return [title_of(Status.INVALID, winner=None), *_figures(facts)]
    values = {
        "arm": facts["arm"],
        "in_arm": count(facts["in_arm"]),
        "visitors": count(facts["visitors"]),
    }
    detail = _("In the last hour checked, %(in_arm)s of %(visitors)s new visitors saw “%(arm)s”.")
    return [_("One arm is frozen: a cache may be serving it to everyone"), detail % values]


def _no_traffic(notice: Notice) -> list[str]:
    hours = Count(round(notice.facts["silent_hours"] or 0.0))
    detail = sentence_of(Code.NO_TRAFFIC, {"hours": hours})
    return [title_of(Status.NO_TRAFFIC, winner=None), detail]


def _trained(notice: Notice) -> list[str]:
    if notice.facts["status"] == Job.Status.DONE:
        return [_("The training of the predictor has finished.")]
    reason = [notice.job.message] if notice.job and notice.job.message else []
    return [_("The training of the predictor has failed."), *reason]


def _approval(notice: Notice) -> list[str]:
    note = notice.facts.get("note", "")
    return [_("The test needs an approval before it can start."), *([note] if note else [])]


def _wording(notice: Notice, key: str) -> str:
    """Return the wording of an arm as it is now, or its key."""
    experiment = notice.experiment
    arms = [] if experiment is None else [a for a in experiment.variants.all() if a.key == key]
    named = [wording_of(arm.experiment, arm) for arm in arms]
    return next(iter(filter(None, named)), key)


SENTENCES: Mapping[Kind, Callable[[Notice], list[str]]] = {
    Kind.STARTED: _started,
    Kind.VERDICT: _verdict,
    Kind.HARM: _harm,
    Kind.ROLLBACK: _rollback,
    Kind.SPLIT: _split,
    Kind.NO_TRAFFIC: _no_traffic,
    Kind.TRAINED: _trained,
    Kind.APPROVAL: _approval,
}
