"""Automatic roll-back of harmed arms or of an experiment, and the stored form of its reason.

Both checks hold at every look, for any plan of the experiment. A reason is kept as figures, so
that everybody reads it in their language.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from experiments.formatting import count, p_value, percent, share, signed_percent
from experiments.models import Experiment, Rollup, Variant
from experiments.selectors import lifecycle, reports
from experiments.services.analysis.currencies import goal_currencies, without_mixed_values
from experiments.services.analysis.guardrails import (
    GuardrailCounts,
    GuardrailReading,
    guardrail_readings,
)
from experiments.services.analysis.sample_ratio import split_check
from experiments.services.lifecycle.arm_rollback import roll_back_arms
from experiments.services.lifecycle.change_log import Kind, Occasion
from experiments.services.lifecycle.transitions import roll_back_experiment
from experiments.services.operations.burst_search import bursts_counted_out
from experiments.services.rollups.folding import lock_experiments
from experiments.services.rollups.visitor_outcome import value_goals
from experiments.stats.decision.arm_status import GuardrailState, guardrail_state

# Shares and coverage as traffic_allocation.py keeps them. Stored; never change.
FIGURE = re.compile(r"(\d+\.\d\d)%")
TRAFFIC = re.compile(r"(?P<shares>.+ \d+\.\d\d%); (?P<coverage>\d+\.\d\d)%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Reasons to roll back: of the whole experiment ("" without one), or by key of harmed arm."""

    experiment: str = ""
    arms: Mapping[str, str] = field(default_factory=dict)


def alarm_of(experiment: Experiment) -> Alarm | None:
    """Return the reasons to roll back; None without one. Two or three queries."""
    variants = list(experiment.variants.order_by("arm"))
    rollups = list(reports.rollups_of(experiment))
    if len(variants) < 2 or not any(row.visitors for row in rollups):
        return None
    split = split_check(experiment, variants, rollups)
    if split.is_mismatch:
        return Alarm(experiment=json.dumps({"code": "srm", "p_value": split.p_value}))
    reasons: dict[str, str] = {}
    for reading in _readings(experiment, variants, rollups):
        arm = variants[reading.arm]
        # These bounds hold at every look, so no plan has to be finished.
        state = guardrail_state(reading.evidence(), finished=False)
        if arm.share and state is GuardrailState.HARMED:
            reasons.setdefault(arm.key, _guardrail_reason(reading, arm))
    return Alarm(arms=reasons) if reasons else None


def watch_experiments(*, now: datetime) -> list[Experiment]:
    """Roll back every running experiment with an alarm, or its harmed arms; return them."""
    return [
        experiment
        for experiment in lifecycle.experiments_that_roll_back()
        if alarm_of(experiment) is not None and _roll_back_without_bursts(experiment, now)
    ]


@transaction.atomic
def _roll_back_without_bursts(experiment: Experiment, now: datetime) -> bool:
    """Roll back unless few senders have raised the alarm; return False if nothing was done.

    While the experiment is locked no fold adds to its sums. Bursts among them are counted out
    before the alarm is read again, so that they neither raise one nor put one off.
    """
    locked = lock_experiments({experiment.pk})[experiment.pk]
    if not bursts_counted_out(locked, now=now):
        return False
    alarm = alarm_of(experiment)
    return alarm is not None and _roll_back(experiment, alarm, now)


def _roll_back(experiment: Experiment, alarm: Alarm, now: datetime) -> bool:
    if alarm.experiment:
        occasion = Occasion(now=now, note=alarm.experiment)
        return roll_back_experiment(
            experiment=experiment, reason=alarm.experiment, occasion=occasion
        )
    return roll_back_arms(experiment=experiment, reasons=alarm.arms, occasion=Occasion(now=now))


def reason_by_hand(text: str) -> str:
    """Return the reason of somebody who rolls back themselves, as it is kept."""
    return json.dumps({"code": "person", "text": text})


def reason_in_words(reason: str) -> str:
    """Return a kept reason in the active language."""
    values = json.loads(reason)
    if values["code"] == "srm":
        return _(
            "Sample-ratio mismatch: the visitors do not split as the shares say (p = %(p_value)s)."
        ) % {"p_value": p_value(values["p_value"])}
    if values["code"] == "guardrail":
        return _("“%(arm)s” harms %(metric)s: %(low)s to %(high)s, more than %(margin)s.") % {
            "arm": values["arm"],
            "metric": values["metric"],
            # JSON has no infinity.
            "low": signed_percent(-math.inf if values["low"] is None else values["low"]),
            "high": signed_percent(math.inf if values["high"] is None else values["high"]),
            "margin": percent(values["margin"], 1),
        }
    if values["code"] == "plan_end":
        return _("The plan was reached: %(visitors)s of %(planned)s visitors.") % {
            "visitors": count(values["visitors"]),
            "planned": count(values["planned"]),
        }
    if values["code"] == "proven":
        return _proof_in_words(values)
    return str(values["text"]) or _("By hand.")


def _proof_in_words(values: dict[str, Any]) -> str:
    return _(
        "“%(arm)s”, on %(day)s: lift %(lift)s (adjusted p = %(p_value)s), when %(visitors)s "
        "visitors had come."
    ) % {
        "arm": values["arm"],
        "day": date_format(date.fromisoformat(values["day"]), "DATE_FORMAT"),
        "lift": "?" if values["lift"] is None else signed_percent(values["lift"]),
        "p_value": p_value(values["p_value"]),
        "visitors": count(values["visitors"]),
    }


def note_in_words(kind: str, note: str) -> str:
    """Return a note of the history in the active language; reasons are kept as figures."""
    if kind in (Kind.ROLLBACK, Kind.STOP, Kind.PROVEN) and note:
        return reason_in_words(note)
    if kind == Kind.ARM_OFF:
        traffic, *reasons = note.split("\n")
        reasons = [reason_in_words(reason) for reason in reasons]
        return "\n".join([_traffic_in_words(traffic), *reasons])
    traffic, *others = note.split("\n")
    return "\n".join([_traffic_in_words(traffic), *others])


def _traffic_in_words(line: str) -> str:
    """Return a line of shares and coverage in the active language; any other as it is."""
    match = TRAFFIC.fullmatch(line)
    if match is None:
        return line
    shares = FIGURE.sub(lambda found: share(Decimal(found[1]) / 100), match["shares"])
    coverage = share(Decimal(match["coverage"]) / 100)
    return _("%(shares)s; %(coverage)s of the audience") % {"shares": shares, "coverage": coverage}


def _readings(
    experiment: Experiment, variants: list[Variant], rollups: list[Rollup]
) -> tuple[GuardrailReading, ...]:
    rails = list(experiment.guardrails.all())
    if not rails:
        return ()
    has_goal = any(rail.goal for rail in rails)
    goals = list(reports.goal_rollups_of(experiment)) if has_goal else []
    counts = GuardrailCounts(everybody=rollups, goals=goals)
    readings = guardrail_readings(experiment, variants, counts, at_every_look=True)
    if not value_goals(experiment):
        return readings
    return without_mixed_values(readings, goal_currencies(reports.currency_rollups_of(experiment)))


def _guardrail_reason(reading: GuardrailReading, variant: Variant) -> str:
    bounds = reading.bounds or (0.0, 0.0)  # A state of harm has bounds.
    low, high = (end if math.isfinite(end) else None for end in bounds)
    values = {"arm": variant.key, "metric": reading.name, "low": low, "high": high}
    return json.dumps({"code": "guardrail", **values, "margin": reading.margin})
