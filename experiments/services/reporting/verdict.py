"""Verdict: a decision as sentences in the active language."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from experiments.formatting import Count, count, p_value, percent, signed_percent, threshold
from experiments.stats.decision.decide import Decision, Status
from experiments.stats.decision.evidence import Rule
from experiments.stats.decision.grounds import Code, Ground
from experiments.stats.meta_analysis.winners_curse import Assumption

Names = Mapping[int, str]


# Sentences of the decision's codes, translated when they are used.
TEMPLATES = {
    Code.SRM: gettext_lazy(
        "Sample-ratio mismatch: the visitors do not split as the shares say (p = %(p_value)s, "
        "alarm below %(threshold)s). The numbers are shown, but no winner is named; find the "
        "cause first."
    ),
    Code.MULTIPLE_ARMS: ngettext_lazy(
        "%(visitors)s visitor (%(share)s) saw several arms.",
        "%(visitors)s visitors (%(share)s) saw several arms.",
        "visitors",
    ),
    Code.SEVERAL_CURRENCIES: gettext_lazy(
        "The values of “%(metric)s” are in several currencies (%(currencies)s), which cannot be "
        "added. Send one currency for each goal."
    ),
    Code.NO_TRAFFIC: ngettext_lazy(
        "No exposure has arrived for %(hours)s hour: is the page still up?",
        "No exposure has arrived for %(hours)s hours: is the page still up?",
        "hours",
    ),
    Code.TOO_FEW_VISITORS: ngettext_lazy(
        "“%(name)s” has %(n)s visitor; a verdict needs %(required)s.",
        "“%(name)s” has %(n)s visitors; a verdict needs %(required)s.",
        "n",
    ),
    Code.TOO_FEW_CONVERSIONS: ngettext_lazy(
        "“%(name)s” has %(conversions)s conversion; a verdict needs %(required)s.",
        "“%(name)s” has %(conversions)s conversions; a verdict needs %(required)s.",
        "conversions",
    ),
    Code.TOO_FEW_DAYS: ngettext_lazy(
        "It has run for %(days)s day; weekdays differ, so a verdict needs %(required)s.",
        "It has run for %(days)s days; weekdays differ, so a verdict needs %(required)s.",
        "days",
    ),
    Code.GUARDRAIL_HARMED: gettext_lazy("“%(name)s” harms %(metric)s (lift %(low)s to %(high)s)."),
    Code.ARM_ROLLED_BACK: gettext_lazy("“%(name)s” was rolled back: nobody is given it any more."),
    Code.GUARDRAIL_UNCLEAR: gettext_lazy(
        "It is not yet excluded that “%(name)s” harms %(metric)s by more than %(margin)s."
    ),
    Code.GUARDRAIL_HELD: gettext_lazy(
        "“%(name)s” does not harm %(metric)s by more than %(margin)s."
    ),
    Code.GUARDRAIL_OPEN: gettext_lazy(
        "Open question: a loss of up to %(loss)s on %(metric)s is not excluded (tolerated: "
        "%(margin)s). Ship it if you can live with that, or let it run on."
    ),
    Code.GUARDRAIL_UNMEASURED: gettext_lazy(
        "Open question: there are too few visitors or successes to say how “%(name)s” affects "
        "%(metric)s."
    ),
    Code.GUARDRAILS_AWAITED: ngettext_lazy(
        "%(n)s visitor so far. The strict rule of this experiment waits until a loss beyond the "
        "margin is excluded on every guardrail.",
        "%(n)s visitors so far. The strict rule of this experiment waits until a loss beyond the "
        "margin is excluded on every guardrail.",
        "n",
    ),
    Code.ENDED_WITH_OPEN_GUARDRAIL: gettext_lazy(
        "It has ended with an arm that is proven better, but a loss beyond the margin is not "
        "excluded on its guardrails: by the strict rule of this experiment it is not shipped."
    ),
    Code.NO_RESULT: gettext_lazy("“%(name)s” cannot be compared with the control yet."),
    Code.NO_RELEVANT_DIFFERENCE: gettext_lazy(
        "No arm differs from the control by more than %(minimum_change)s, the least lift that this "
        "test is to find. A smaller difference is not excluded."
    ),
    Code.PLAN_NOT_FINISHED: ngettext_lazy(
        "%(n)s visitor so far; the difference is not proven.",
        "%(n)s visitors so far; the difference is not proven.",
        "n",
    ),
    Code.PLAN_FINISHED_WITHOUT_WINNER: gettext_lazy(
        "The plan is finished and no arm is proven better than the control. That is not proof "
        "that they are equal."
    ),
    Code.STOPPED_WITHOUT_WINNER: gettext_lazy(
        "It was stopped before any arm was proven better than the control. That is not proof "
        "that they are equal."
    ),
    Code.PAUSED: gettext_lazy("It is paused: every visitor sees the default CTA."),
    Code.SUSPICIOUS_LIFT: gettext_lazy(
        "A lift of %(lift)s is larger than wordings usually bring: check the set-up before "
        "believing it."
    ),
    Code.WINNERS_CURSE: gettext_lazy(
        "Winners look better than they are: expect %(shrunken_lift)s (%(assumption)s) rather "
        "than %(lift)s."
    ),
    Code.BELOW_MINIMUM_CHANGE: gettext_lazy(
        "The lift of %(lift)s is below %(minimum_change)s: real, perhaps, but small."
    ),
    Code.RUNNER_UP_NOT_EXCLUDED: gettext_lazy(
        "“%(name)s” may be as good: the two are not separated."
    ),
}

# Of a metric whose conversions are the visitors who clicked.
TOO_FEW_CLICKS = ngettext_lazy(
    "“%(name)s” has %(conversions)s click; a verdict needs %(required)s.",
    "“%(name)s” has %(conversions)s clicks; a verdict needs %(required)s.",
    "conversions",
)
# One sentence for several arms that lack the same.
SEVERAL_LACK = {
    Code.TOO_FEW_VISITORS: gettext_lazy(
        "%(arms)s wordings have too few visitors (the fewest, %(least)s, “%(name)s”); a verdict "
        "needs %(required)s of each."
    ),
    Code.TOO_FEW_CONVERSIONS: gettext_lazy(
        "%(arms)s wordings have too few conversions (the fewest, %(least)s, “%(name)s”); a "
        "verdict needs %(required)s of each."
    ),
}
# What each of these codes counts.
TOO_FEW = {Code.TOO_FEW_VISITORS: "n", Code.TOO_FEW_CONVERSIONS: "conversions"}
SEVERAL_LACK_CLICKS = gettext_lazy(
    "%(arms)s wordings have too few clicks (the fewest, %(least)s, “%(name)s”); a verdict needs "
    "%(required)s of each."
)

# Labels of a corrected lift, beside it in parentheses.
ASSUMPTIONS = {
    Assumption.SIGNIFICANCE: gettext_lazy("corrected for having won"),
    Assumption.POOLING: gettext_lazy("pooled with the other arms"),
    Assumption.WEAK_PRIOR: gettext_lazy("weak prior"),
    Assumption.PRIOR: gettext_lazy("the site's own prior"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A decision as its reader sees it, in the active language."""

    status: str
    title: str
    sentences: tuple[str, ...]
    cautions: tuple[str, ...]


def verdict_of(decision: Decision, *, names: Names, counts_clicks: bool) -> Verdict:
    """Return the decision in words.

    Args:
        decision: What the rules decided.
        names: Wordings of the arms by index.
        counts_clicks: Whether conversions are visitors who clicked.
    """
    return Verdict(
        status=decision.status.value,
        title=_title(decision, names),
        sentences=tuple(_reasons(decision, names, counts_clicks=counts_clicks)),
        cautions=tuple(_sentence(ground, decision.rule, names) for ground in decision.cautions),
    )


def _reasons(decision: Decision, names: Names, *, counts_clicks: bool) -> Iterator[str]:
    """Return the reasons in their order; arms that lack the same are one sentence."""
    for ground in decision.reasons:
        if ground.code not in TOO_FEW:
            yield _sentence(ground, decision.rule, names)
            continue
        alike = [one for one in decision.reasons if one.code is ground.code]
        if ground is alike[0]:
            yield _too_few(alike, names, counts_clicks=counts_clicks)


def _too_few(alike: Sequence[Ground], names: Names, *, counts_clicks: bool) -> str:
    code = alike[0].code
    key = TOO_FEW[code]
    least = min(alike, key=lambda ground: ground.numbers[key])
    values = _values(least, names)
    is_of_clicks = counts_clicks and code is Code.TOO_FEW_CONVERSIONS
    if len(alike) == 1:
        return str((TOO_FEW_CLICKS if is_of_clicks else TEMPLATES[code]) % values)
    template = SEVERAL_LACK_CLICKS if is_of_clicks else SEVERAL_LACK[code]
    return str(template % (values | {"arms": count(len(alike)), "least": values[key]}))


def silence_in_words(decision: Decision) -> str:
    """Return the alarm that no exposures arrive; empty without it."""
    silent = (ground for ground in decision.reasons if ground.code is Code.NO_TRAFFIC)
    return "".join(_sentence(ground, decision.rule, {}) for ground in silent)


def _title(decision: Decision, names: Names) -> str:
    winner = None if decision.winner is None else names[decision.winner]
    return title_of(decision.status, winner=winner)


def title_of(status: Status, *, winner: str | None) -> str:
    """Return the title of a verdict; `winner` is the wording of the arm to ship."""
    if winner is not None:
        return _("Ship “%(name)s”.") % {"name": winner}
    return {
        Status.KEEP_CONTROL: _("Keep the control."),
        Status.KEEP_RUNNING: _("Keep it running: no answer yet."),
        Status.STOPPED_EARLY: _("It was stopped before it could tell."),
        Status.PAUSED: _("Paused: no answer yet."),
        Status.NO_TRAFFIC: _("No visitors are arriving."),
        Status.STOP_FOR_HARM: _("Stop: every other arm does worse than the control."),
        Status.INVALID: _("No verdict: the data cannot be trusted."),
    }[status]


def sentence_of(code: Code, values: Mapping[str, Any]) -> str:
    """Return the sentence of a code; what its plural depends on is a `Count`."""
    return str(TEMPLATES[code] % values)


def _sentence(ground: Ground, rule: Rule, names: Names) -> str:
    if ground.code is Code.SEVERAL_CURRENCIES:
        listed = _currencies(ground.numbers)
        return sentence_of(ground.code, {"metric": ground.metric, "currencies": listed})
    values = _values(ground, names)
    if ground.code in (Code.ARM_BETTER, Code.ARM_WORSE):
        return _goal_sentence(ground.code, rule, values)
    if "days_left" in ground.numbers:
        return sentence_of(ground.code, values) + _days_left(ground.numbers["days_left"])
    return sentence_of(ground.code, values)


def _values(ground: Ground, names: Names) -> dict[str, Any]:
    """Return what the sentence of a ground may name."""
    return {
        "name": "" if ground.arm is None else names[ground.arm],
        "metric": ground.metric,
        "day": ground.day,
        "assumption": ASSUMPTIONS[ground.assumption] if ground.assumption else "",
        **{key: _format_number(key, value) for key, value in ground.numbers.items()},
    }


def _currencies(conversions: Mapping[str, float]) -> str:
    """Return the conversions by currency, those without a currency last."""
    named = [f"{currency}: {count(n)}" for currency, n in conversions.items() if currency]
    if n := conversions.get("", 0):
        text = ngettext(
            "%(n)s conversion without a currency", "%(n)s conversions without a currency", int(n)
        )
        named.append(text % {"n": count(n)})
    return ", ".join(named)


def _goal_sentence(code: Code, rule: Rule, values: dict[str, Any]) -> str:
    """Name the direction, the size and the risk of being wrong."""
    direction = (
        _("“%(name)s” does better than the control: lift %(lift)s")
        if code is Code.ARM_BETTER
        else _("“%(name)s” does worse than the control: lift %(lift)s")
    ) % values
    has_interval = "low" in values and "high" in values
    interval = _(", plausibly %(low)s to %(high)s") % values if has_interval else ""
    risk = _(" (adjusted p = %(p_value)s, limit %(alpha)s; ") % values
    looks = (
        _("valid however often one looks).")
        if rule is Rule.SEQUENTIAL
        else _("valid for this one look at the planned end).")
    )
    return direction + interval + risk + looks + _since(values)


def _since(values: dict[str, Any]) -> str:
    """Return the day of a proof, with what was seen then."""
    if values.get("day") is None:
        return ""
    return _(
        " Proven on %(day)s, when %(visitors)s visitors had come and the lift was %(lift_then)s."
    ) % (values | {"day": date_format(values["day"], "DATE_FORMAT")})


def _days_left(days: float) -> str:
    # Part of a day is still a day's wait.
    whole_days = max(math.ceil(days), 1)
    text = ngettext(
        " About %(days)s day left at this traffic.",
        " About %(days)s days left at this traffic.",
        whole_days,
    )
    return text % {"days": count(whole_days)}


def _format_number(key: str, value: float) -> str | Count:
    if key in ("lift", "low", "high", "shrunken_lift", "lift_then"):
        return signed_percent(value)
    if key in ("share", "minimum_change", "margin", "loss"):
        return percent(value, 1)
    if key in ("alpha", "threshold"):
        return threshold(value)
    if key == "p_value":
        return p_value(value)
    return Count(round(value))
