"""The list before the start: what would spoil a test, and what to know about it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from experiments.formatting import count
from experiments.models import CTA, Experiment
from experiments.selectors import reports, standings
from experiments.services.catalogue.audience_reach import reach_of
from experiments.services.catalogue.cta_checks import check_cta
from experiments.services.catalogue.cta_content import cta_values
from experiments.services.drafting.building import Choices
from experiments.services.insights.plan_review import PlanReview
from experiments.services.lifecycle.approvals import approval_faults
from experiments.services.lifecycle.readiness import readiness_faults
from experiments.services.lifecycle.rivals import condition_of, meeting_notes
from experiments.services.reporting.plan_messages import plan_warnings
from experiments.targeting.overlap import find_visitor

# What fits into one packet: an arm that needs another one comes later than the others.
MOST_EXTRA_BYTES = 1_400


class Level(StrEnum):
    """Weight of a check: `block` keeps the test from starting."""

    BLOCK = "block"
    WARN = "warn"
    GOOD = "good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the list."""

    level: Level
    text: str


def blocking_faults(draft: Experiment, choices: Choices) -> list[str]:
    """Return what would spoil the test, as sentences; none if it may start."""
    faults = [*choices.gaps, *readiness_faults(draft)]
    if find_visitor(inside=[condition_of(draft)]).is_nobody:
        faults.append(_("Its audience matches nobody: no visitor can meet all of its conditions."))
    return faults


def checks_of(
    draft: Experiment, choices: Choices, review: PlanReview | None, *, now: datetime
) -> list[Check]:
    """Return the list for a stored draft: what blocks first, then warnings, then what is well."""
    blocks = [Check(level=Level.BLOCK, text=text) for text in blocking_faults(draft, choices)]
    warnings = [
        Check(level=Level.WARN, text=text)
        for part in (
            # No fault of the test: the page offers to ask for it.
            approval_faults(draft),
            _of_audience(draft, now),
            meeting_notes(draft),
            _of_plan(review),
            _of_looks(draft, choices),
            _of_wordings(draft),
        )
        for text in part
    ]
    day = reports.last_day_on_slot(draft.slot)
    places = [_of_snippet(draft, day, now), _of_slot(draft, day)]
    goods = [] if blocks else [Check(level=Level.GOOD, text=_("Arms, shares and keys are right."))]
    rows = [*blocks, *warnings, *places, _of_weights(draft), *goods]
    return sorted(rows, key=lambda one: list(Level).index(one.level))


def _of_snippet(draft: Experiment, day: date | None, now: datetime) -> Check:
    seen = standings.sighting_of(draft.slot.site)
    if seen is None and day is not None:
        text = _("Visitors of tests on this slot come without the snippet: by code of your own.")
        return Check(level=Level.GOOD, text=text)
    if seen is None:
        text = _("The snippet was never seen on this site: without it, nobody sees the test.")
        return Check(level=Level.WARN, text=text)
    values = {"ago": timesince(seen.seen_at, now, depth=1), "path": seen.path or "/"}
    text = _("The snippet was seen %(ago)s ago on %(path)s.") % values
    return Check(level=Level.GOOD, text=text)


def _of_slot(draft: Experiment, day: date | None) -> Check:
    """Tell whether the slot itself was ever on a page: the snippet may be there without it."""
    if day is None:
        text = _(
            "No test on this slot has had a visitor yet: make sure that a page has the slot"
            " “%(key)s”, and look at a preview there."
        ) % {"key": draft.slot.key}
        return Check(level=Level.WARN, text=text)
    shown = date_format(day, "SHORT_DATE_FORMAT")
    text = _("A page has the slot: the last visitor of a test on it came on %(day)s.")
    return Check(level=Level.GOOD, text=text % {"day": shown})


def _of_weights(draft: Experiment) -> Check:
    """Tell what the arms add to the answer that a page waits for."""
    variants = draft.variants.select_related("cta").prefetch_related("cta__wordings")
    weights = [_weight(variant.cta) for variant in variants.order_by("arm")]
    heaviest, lightest = max(weights, default=0), min(weights, default=0)
    values = {"heaviest": count(heaviest), "lightest": count(lightest)}
    if heaviest - lightest > MOST_EXTRA_BYTES:
        text = _(
            "The heaviest arm sends %(heaviest)s bytes to the page, the lightest %(lightest)s: its"
            " visitors wait longer. Shorten its destination or its words."
        )
        return Check(level=Level.WARN, text=text % values)
    text = _("No arm slows the page down: %(lightest)s to %(heaviest)s bytes are sent for each.")
    return Check(level=Level.GOOD, text=text % values)


def _weight(cta: CTA) -> int:
    """Return the bytes of a CTA as the page gets it, in its heaviest language."""
    values = [json.dumps(value, ensure_ascii=False) for value in cta_values(cta).values()]
    return max((len(value.encode()) for value in values), default=0)


def _of_audience(draft: Experiment, now: datetime) -> Iterator[str]:
    reach = reach_of(site=draft.slot.site, condition=condition_of(draft), now=now)
    if reach.of and reach.visitors == 0:
        yield _(
            "Nobody of the visitors of the last %(days)s days is in its audience: it may wait for"
            " ever."
        ) % {"days": reach.days}


def _of_plan(review: PlanReview | None) -> list[str]:
    if review is None:
        return [
            _(
                "Nothing is known of the present visitors and the rate of this slot, so no number"
                " of visitors is planned."
            )
        ]
    return list(plan_warnings(review))


def _of_looks(draft: Experiment, choices: Choices) -> Iterator[str]:
    """Warn where the new arms differ from the control in more than their words."""
    if choices.template is None or not choices.takes_look:
        return
    look, control = choices.template.content["look"], draft.slot.default_cta
    if any(getattr(control, field) != value for field, value in look.items()):
        yield _(
            "The new arms have another look than the control: words and look are tested together."
        )


def _of_wordings(draft: Experiment) -> Iterator[str]:
    """Name what copy checks call a fault, such as colours that nobody can read, and gestures."""
    for variant in draft.variants.select_related("cta").prefetch_related("cta__wordings"):
        for wording in variant.cta.wordings.all():
            found = check_cta(
                variant.cta,
                wording.text,
                locale=wording.locale,
                position=draft.slot.position,
            )
            for one in found:
                if one["level"] == "fault" or one["code"] == "clicking":
                    yield _("“%(text)s”: %(fault)s") % {
                        "text": wording.text,
                        "fault": one["message"],
                    }
