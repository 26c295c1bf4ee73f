"""The rollups as plain tables, and the same tables counted from the events by other code."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from operator import add

from dateutil import tz

from experiments.models import CurrencyRollup, Event, GoalRollup, Rollup

DAY = timedelta(days=1)
# Flags of events, by their numbers: an order counted already, and a wording that came too late.
REPEATED, LATE = 32, 128
# Pre-fetched, unexplained, of a burst, late: not seen.
UNREAL = 4 + 8 + 16 + LATE
COUNTS = (
    "visitors",
    "clicking_visitors",
    "converting_visitors",
    "value_sum",
    "value_sum_squares",
    "quarantined_visitors",
)
# Why visitors are left out, and where they are counted.
LEFT_OUT = (
    "bot_visitors",
    "internal_visitors",
    "unexplained_visitors",
    "burst_visitors",
    "late_visitors",
    "quarantined_visitors",
    "prefetched_visitors",
    "impossible_visitors",
)
COVARIATES = ("covariate_sum", "covariate_sum_squares", "covariate_product_sum")
ACTS = (
    "click_sum",
    "click_sum_squares",
    "conversion_sum",
    "conversion_sum_squares",
    "value_click_product_sum",
    "covariate_click_product_sum",
    "capped_visitors",
    "repeated_orders",
)


def rows_of(experiment, segment="", columns=COUNTS):
    """The rollups as a plain table: (arm, day) -> counts and sums."""
    return {
        cell(row.variant, row.day, row.phase): tuple(getattr(row, name) for name in columns)
        for row in Rollup.objects.filter(experiment=experiment, segment=segment).select_related(
            "variant"
        )
    }


def cell(variant, day, phase):
    """Key of a row; a later phase is the third part."""
    return (variant.key, day, phase) if phase else (variant.key, day)


def cell_of(experiment, exposure):
    zone = tz.gettz(experiment.days_in or experiment.slot.site.time_zone)
    day = exposure.occurred_at.astimezone(zone).date()
    return cell(exposure.variant, day, exposure.attributes.get("phase", 0))


def recount(experiment, segment="", columns=COUNTS):
    """The same table, counted from the stored events without any of the service's code."""
    events = Event.objects.filter(site=experiment.slot.site).select_related("variant")
    by_visitor = defaultdict(list)
    for event in sorted(events, key=lambda one: (one.occurred_at, one.event_id)):
        by_visitor[event.visitor].append(event)
    table = defaultdict(lambda: [0, 0, 0, Decimal(0), Decimal(0), *[0] * 12])
    for own in by_visitor.values():
        shown, exposures, own = met(experiment, own)
        if not exposures:
            continue
        if segment and segment not in named(exposures[0].attributes):
            continue
        start = exposures[0].occurred_at
        row = table[cell_of(experiment, exposures[0])]
        if reason := left_out(shown, exposures):
            row[5] += reason == "quarantined_visitors"
            continue
        end = end_of_window(experiment, start)
        row[16] += number_of_repeats(experiment, own, start, end)
        own = [e for e in own if not e.flags & REPEATED]
        goals = [
            e
            for e in own
            if e.type == "conversion"
            and e.goal == experiment.goal
            and start <= e.occurred_at <= end
        ]
        paid = sum((e.value or Decimal(0) for e in goals), Decimal(0))
        value = up_to_cap(experiment, experiment.goal, paid)
        row[15] += value != paid
        row[0] += 1
        has_clicked = any(e.type == "click" and e.occurred_at >= start for e in shown)
        row[1] += has_clicked
        row[2] += bool(goals)
        row[3] += value
        row[4] += value * value
        before = earlier(experiment, own, shown[0].occurred_at)
        row[6] += before
        row[7] += before * before
        outcome = {"click_rate": has_clicked, "conversion_rate": bool(goals)}
        outcome["conversions_per_visitor"] = len(goals)
        row[8] += before * outcome.get(experiment.primary_metric, value)
        clicks = number_of_clicks(shown, start, end)
        for place, amount in enumerate(
            (clicks, clicks**2, len(goals), len(goals) ** 2, value * clicks, before * clicks), 9
        ):
            row[place] += amount
    return {key: tuple(row[: len(columns)]) for key, row in table.items()}


def number_of_repeats(experiment, own, start, end):
    """How many conversions to a goal of the experiment repeat an order, while they count."""
    metrics = (experiment, *experiment.guardrails.all(), *experiment.secondary_metrics.all())
    goals = {metric.goal for metric in metrics}
    return sum(
        bool(e.flags & REPEATED) and e.goal in goals and start <= e.occurred_at <= end for e in own
    )


def number_of_clicks(shown, start, end):
    """How often a visitor clicked while conversions count."""
    return sum(e.type == "click" and start <= e.occurred_at <= end for e in shown)


def met(experiment, own):
    """What a visitor saw of an experiment, its exposures, and what else they did.

    What was pre-fetched is nothing, unless there is nothing else; nor is an unexplained arm.
    """
    for events in ([e for e in own if not e.flags & UNREAL], own):
        shown = [e for e in events if e.experiment_id == experiment.pk]
        exposures = [e for e in shown if e.type == "exposure"]
        if exposures:
            return shown, exposures, events
    return [], [], own


def left_out(shown, exposures):
    """The column in which a visitor is counted who is left out; None for the others."""
    soon = exposures[0].occurred_at - timedelta(minutes=10)
    reasons = (
        any(e.flags % 2 for e in shown),
        any(e.flags // 2 % 2 for e in shown),
        any(e.flags // 8 % 2 for e in shown),
        any(e.flags // 16 % 2 for e in shown),
        exposures[0].flags // LATE % 2,
        len({e.variant_id for e in shown}) > 1,
        exposures[0].flags // 4 % 2,
        any(e.type == "click" and e.occurred_at < soon for e in shown),
    )
    return next((name for name, holds in zip(LEFT_OUT, reasons, strict=True) if holds), None)


def left_out_rows_of(experiment):
    """Visitors left out as a plain table: (arm, day, column) -> how many."""
    return {
        (*cell(row.variant, row.day, row.phase), name): getattr(row, name)
        for row in Rollup.objects.filter(experiment=experiment, segment="")
        for name in LEFT_OUT
        if getattr(row, name)
    }


def left_out_recount(experiment):
    """The same table, counted from the stored events without any of the service's code."""
    table = defaultdict(int)
    by_visitor = defaultdict(list)
    for event in Event.objects.order_by("occurred_at", "event_id").select_related("variant"):
        if event.site_id == experiment.slot.site_id:
            by_visitor[event.visitor].append(event)
    for own in by_visitor.values():
        shown, exposures, _ = met(experiment, own)
        if exposures and (name := left_out(shown, exposures)):
            table[*cell_of(experiment, exposures[0]), name] += 1
    return dict(table)


def goal_rows_of(experiment):
    """The rollups of the guardrails' goals as a plain table: (arm, day, goal) -> sums."""
    return {
        (*cell(row.variant, row.day, row.phase), row.goal): (
            row.converting_visitors,
            row.value_sum,
            row.value_sum_squares,
            row.conversion_sum,
            row.conversion_sum_squares,
            row.value_click_product_sum,
        )
        for row in GoalRollup.objects.filter(experiment=experiment).select_related("variant")
    }


def goal_recount(experiment):
    """The same table from the stored events: a recount of the experiment with another goal."""
    table = {}
    metrics = (*experiment.guardrails.all(), *experiment.secondary_metrics.all())
    for goal in {metric.goal for metric in metrics}:
        by_visitor = defaultdict(list)
        for event in Event.objects.order_by("occurred_at", "event_id").select_related("variant"):
            by_visitor[event.visitor].append(event)
        for own in by_visitor.values():
            shown, exposures, own = met(experiment, own)
            if not exposures or left_out(shown, exposures):
                continue
            first = exposures[0]
            end = end_of_window(experiment, first.occurred_at)
            own = [e for e in own if not e.flags & REPEATED]
            hits = [e for e in own if e.goal == goal and first.occurred_at <= e.occurred_at <= end]
            if hits:
                key = (*cell_of(experiment, first), goal)
                value = sum((e.value or Decimal(0) for e in hits), Decimal(0))
                value = up_to_cap(experiment, goal, value)
                clicks = number_of_clicks(shown, first.occurred_at, end)
                new = (1, value, value**2, len(hits), len(hits) ** 2, value * clicks)
                table[key] = tuple(map(add, table.get(key, (0,) * 6), new))
    return table


def currency_rows_of(experiment):
    """The rollups of currencies as a plain table: (arm, day, goal, currency) -> conversions."""
    rows = CurrencyRollup.objects.filter(experiment=experiment).select_related("variant")
    return {
        (*cell(row.variant, row.day, row.phase), row.goal, row.currency): row.conversions
        for row in rows
    }


def currency_recount(experiment):
    """The same table from the stored events, for every goal that something on values reads."""
    others = (*experiment.guardrails.all(), *experiment.secondary_metrics.all())
    metrics = [(experiment.primary_metric, experiment.goal)]
    metrics += [(other.metric, other.goal) for other in others]
    goals = {goal for metric, goal in metrics if metric.startswith("value_per_")}
    table = defaultdict(int)
    by_visitor = defaultdict(list)
    for event in Event.objects.order_by("occurred_at", "event_id").select_related("variant"):
        by_visitor[event.visitor].append(event)
    for own in by_visitor.values():
        shown, exposures, own = met(experiment, own)
        if not exposures or left_out(shown, exposures):
            continue
        start = exposures[0].occurred_at
        for event in own:
            is_counted = start <= event.occurred_at <= end_of_window(experiment, start)
            is_counted = is_counted and not event.flags & REPEATED
            if event.goal in goals and event.value is not None and is_counted:
                table[*cell_of(experiment, exposures[0]), event.goal, event.currency] += 1
    return dict(table)


def end_of_window(experiment, start):
    """Until when a conversion may count for a visitor first exposed then."""
    window = start + timedelta(hours=experiment.conversion_window_hours)
    return min(window, experiment.stopped_at or window)


def earlier(experiment, events, seen):
    """What a visitor did in the 14 days before the experiment was seen, but 10 minutes."""
    end = seen - timedelta(minutes=10)
    window = [e for e in events if seen - 14 * DAY <= e.occurred_at < end]
    if experiment.primary_metric == "click_rate":
        return int(any(e.type == "click" for e in window))
    goals = [e for e in window if e.type == "conversion" and e.goal == experiment.goal]
    if experiment.primary_metric == "conversions_per_visitor":
        return len(goals)
    value = sum((e.value or Decimal(0) for e in goals), Decimal(0))
    return up_to_cap(experiment, experiment.goal, value)


def up_to_cap(experiment, goal, value):
    """What a visitor's value towards a goal counts as."""
    is_capped = experiment.value_cap is not None and goal == experiment.goal
    return min(value, experiment.value_cap) if is_capped else value


def named(attributes):
    """The segments of an exposure, written as the rollups write them."""
    texts = {True: "true", False: "false"}
    return {f"{name}={texts.get(value, value)}" for name, value in attributes.items()}
